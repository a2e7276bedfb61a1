#![allow(dead_code)]

mod record;
mod value;
