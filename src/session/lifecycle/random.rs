use crate::session::{
    error::SaveError,
    record::{LoginId, SessionId},
};
use rand_core::TryCryptoRng;

pub(crate) fn new_session_id<R: TryCryptoRng + ?Sized>(
    rng: &mut R,
) -> Result<SessionId, SaveError> {
    random(rng).map(SessionId::from_bytes)
}

pub(crate) fn new_login_id<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<LoginId, SaveError> {
    random(rng).map(LoginId::from_bytes)
}

fn random<const N: usize, R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<[u8; N], SaveError> {
    let mut bytes = [0; N];
    rng.try_fill_bytes(&mut bytes)
        .map_err(|_| SaveError::Randomness)?;
    Ok(bytes)
}
