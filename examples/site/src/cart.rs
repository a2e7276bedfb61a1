use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value in the session under `cart`: the number of each ware.
pub type Cart = BTreeMap<Ware, u32>;

/// The wares for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "rocket", derive(rocket::FromFormField))]
pub enum Ware {
    Biscuit,
    Limes,
    Rope,
}

impl Ware {
    pub(crate) const ALL: [Ware; 3] = [Ware::Biscuit, Ware::Limes, Ware::Rope];

    /// Returns the ware of a form's value, which [`Ware::name`] wrote.
    pub(crate) fn from_name(name: &str) -> Option<Ware> {
        Ware::ALL.into_iter().find(|ware| ware.name() == name)
    }

    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Ware::Biscuit => "Ship's biscuit, a pound",
            Ware::Limes => "Limes, a dozen",
            Ware::Rope => "Hemp rope, a fathom",
        }
    }
}

/// The form that adds one ware to the cart.
#[derive(Deserialize)]
#[cfg_attr(feature = "rocket", derive(rocket::FromForm))]
pub struct Item {
    pub ware: Ware,
}
