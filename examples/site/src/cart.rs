use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the session keeps under `cart`: how many of each.
pub type Cart = BTreeMap<Ware, u32>;

/// What is on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "rocket", derive(rocket::FromFormField))]
pub enum Ware {
    Biscuit,
    Limes,
    Rope,
}

impl Ware {
    pub(crate) const ALL: [Ware; 3] = [Ware::Biscuit, Ware::Limes, Ware::Rope];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Ware::Biscuit => "Ship's biscuit, a pound",
            Ware::Limes => "Limes, a dozen",
            Ware::Rope => "Hemp rope, a fathom",
        }
    }
}

/// The form that puts one into the cart.
#[derive(Deserialize)]
#[cfg_attr(feature = "rocket", derive(rocket::FromForm))]
pub struct Item {
    pub ware: Ware,
}
