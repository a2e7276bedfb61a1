use crate::session::{
    data::SessionData,
    events::log::{self, Topic},
};
use core::fmt;

/// A handler asks for a session that no layer makes: an empty 500, and a line in the log that says
/// what to add.
///
/// ```
/// use hardtack::session::MissingLayer;
///
/// /// For a handler that wants to say it in its own words.
/// fn explain(missing: MissingLayer) -> String {
///     format!("mounted in the wrong place? {missing}")
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingLayer {
    /// The type of the data, if it is not the dictionary.
    data: Option<&'static str>,
    add: &'static str,
}

impl MissingLayer {
    /// `add` is the call that installs the layer. Says so in the log.
    pub(crate) fn report<T: SessionData>(add: &'static str) -> MissingLayer {
        let data = (!T::NAME.is_empty()).then(core::any::type_name::<T>);
        let missing = MissingLayer { data, add };
        log::error(Topic::Setup, &missing);
        missing
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let add = self.add;
        match self.data {
            None => write!(f, "no layer for `Session`: add `{add}`"),
            Some(data) => write!(
                f,
                "no layer for `Session<{data}>`: add `{add}` with a `SessionManager<{data}>`"
            ),
        }
    }
}

impl core::error::Error for MissingLayer {}
