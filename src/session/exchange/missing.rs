use crate::session::{
    data::SessionData,
    events::log::{self, Topic},
};
use core::fmt;

/// Says that a handler asked for a session and no layer provides one. The response is an empty 500,
/// and the log says what to add, or where to move it.
///
/// ```
/// use hardtack::session::MissingLayer;
///
/// /// Returns a text for a handler that takes `Result<Session, MissingLayer>`.
/// fn explain(missing: MissingLayer) -> String {
///     format!("mounted in the wrong place? {missing}")
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingLayer {
    /// The type of the data, if it is not a dictionary.
    data: Option<&'static str>,
    add: &'static str,
    order: &'static str,
}

impl MissingLayer {
    /// Makes the error and logs it. `add` is the call that installs the layer. `order` says where that call
    /// belongs, to people who have it.
    pub(crate) fn report<T: SessionData>(add: &'static str, order: &'static str) -> MissingLayer {
        let data = (!T::NAME.is_empty()).then(core::any::type_name::<T>);
        let missing = MissingLayer { data, add, order };
        log::error(Topic::Setup, &missing);
        missing
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MissingLayer { data, add, order } = self;
        match data {
            None => write!(f, "no layer for `Session`: add `{add}`")?,
            Some(data) => write!(
                f,
                "no layer for `Session<{data}>`: add `{add}` with a `SessionManager<{data}>`"
            )?,
        }
        write!(f, "; if it is there, {order}")
    }
}

impl core::error::Error for MissingLayer {}
