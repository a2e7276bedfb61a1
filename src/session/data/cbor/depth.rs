//! Limits the recursion of `Serialize`, because cbor2 limits only reading.

use serde::ser::{self, Error as _, Serialize, Serializer};

/// Serializes like `value`, but fails below `levels` levels. Without a limit, a list of 100,000
/// boxes would overflow the stack, and no caller can catch that.
pub(super) struct Limited<'a, T: ?Sized> {
    value: &'a T,
    levels: usize,
}

impl<'a, T: ?Sized> Limited<'a, T> {
    pub(super) fn new(value: &'a T, levels: usize) -> Self {
        Limited { value, levels }
    }
}

impl<T: Serialize + ?Sized> Serialize for Limited<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        match self.levels.checked_sub(1) {
            Some(levels) => self.value.serialize(Depth { inner, levels }),
            None => Err(S::Error::custom("nested too deep")),
        }
    }
}

/// Wraps a serializer, or its serializer of a compound. It passes on every call, and limits the
/// values inside to `levels` levels.
struct Depth<S> {
    inner: S,
    levels: usize,
}

macro_rules! pass_on {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {$(
        fn $method(self, $($arg: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($arg),*)
        }
    )*};
}

macro_rules! pass_on_value {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {$(
        fn $method<T: Serialize + ?Sized>(self, $($arg: $type,)* value: &T) -> Result<S::Ok, S::Error> {
            self.inner.$method($($arg,)* &Limited::new(value, self.levels))
        }
    )*};
}

macro_rules! pass_on_compound {
    ($($method:ident($($arg:ident: $type:ty),*) -> $compound:ident)*) => {$(
        fn $method(self, $($arg: $type),*) -> Result<Self::$compound, S::Error> {
            let inner = self.inner.$method($($arg),*)?;
            Ok(Depth { inner, levels: self.levels })
        }
    )*};
}

impl<S: Serializer> Serializer for Depth<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Depth<S::SerializeSeq>;
    type SerializeTuple = Depth<S::SerializeTuple>;
    type SerializeTupleStruct = Depth<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Depth<S::SerializeTupleVariant>;
    type SerializeMap = Depth<S::SerializeMap>;
    type SerializeStruct = Depth<S::SerializeStruct>;
    type SerializeStructVariant = Depth<S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(v: bool)
        serialize_i8(v: i8) serialize_i16(v: i16) serialize_i32(v: i32) serialize_i64(v: i64) serialize_i128(v: i128)
        serialize_u8(v: u8) serialize_u16(v: u16) serialize_u32(v: u32) serialize_u64(v: u64) serialize_u128(v: u128)
        serialize_f32(v: f32) serialize_f64(v: f64)
        serialize_char(v: char) serialize_str(v: &str) serialize_bytes(v: &[u8])
        serialize_none() serialize_unit() serialize_unit_struct(name: &'static str)
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str)
    }

    pass_on_value! {
        serialize_some()
        serialize_newtype_struct(name: &'static str)
        serialize_newtype_variant(name: &'static str, index: u32, variant: &'static str)
    }

    pass_on_compound! {
        serialize_seq(len: Option<usize>) -> SerializeSeq
        serialize_tuple(len: usize) -> SerializeTuple
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant
        serialize_map(len: Option<usize>) -> SerializeMap
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! compound {
    ($($trait:ident { $($method:ident($($key:ident)?)),* })*) => {$(
        impl<S: ser::$trait> ser::$trait for Depth<S> {
            type Ok = S::Ok;
            type Error = S::Error;
            $(fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), S::Error> {
                self.inner.$method($($key,)? &Limited::new(value, self.levels))
            })*
            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

compound! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_key(), serialize_value() }
    SerializeStruct { serialize_field(key) }
    SerializeStructVariant { serialize_field(key) }
}
