#![allow(dead_code)]

mod cookies;
mod record;
mod value;
