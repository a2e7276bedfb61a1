#![allow(dead_code)]

mod value;
