//! A value of a dictionary, and its JSON.
//!
//! JSON has no bytes, no maps with other keys than text, and no numbers without end. These are objects with one member
//! whose name begins with `$`.

use crate::text::{hex, unhex};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value as Json, json};
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Unsigned(u128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(bool) => json!(bool),
            Value::Integer(n) => match (u64::try_from(*n), i64::try_from(*n)) {
                (Ok(n), _) => json!(n),
                (_, Ok(n)) => json!(n),
                _ => json!({ "$integer": n.to_string() }),
            },
            Value::Unsigned(n) => json!({ "$integer": n.to_string() }),
            Value::Float(float) if float.is_finite() => json!(float),
            Value::Float(float) => json!({ "$float": float.to_string() }),
            Value::Text(text) => json!(text),
            Value::Bytes(bytes) => json!({ "$bytes": hex(bytes) }),
            Value::List(list) => list.iter().map(Value::to_json).collect(),
            Value::Map(map) => match object(map) {
                Some(object) => Json::Object(object),
                None => {
                    let pairs = map
                        .iter()
                        .map(|(key, value)| json!([key.to_json(), value.to_json()]));
                    json!({ "$map": pairs.collect::<Json>() })
                }
            },
        }
    }

    /// Fails with a sentence for the person that wrote the JSON.
    pub fn from_json(json: &Json) -> Result<Value, String> {
        Ok(match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(n) => match (n.as_i128(), n.as_f64()) {
                (Some(n), _) => Value::Integer(n),
                (None, Some(n)) => Value::Float(n),
                (None, None) => return Err(format!("the number {n} is too large")),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(list) => Value::List(
                list.iter()
                    .map(Value::from_json)
                    .collect::<Result<_, _>>()?,
            ),
            Json::Object(object) => {
                let mut members = object.iter();
                match (members.next(), members.next()) {
                    (Some((name, value)), None) if name.starts_with('$') => special(name, value)?,
                    _ => {
                        let entry = |(key, value): (&String, &Json)| {
                            Ok::<_, String>((Value::Text(key.clone()), Value::from_json(value)?))
                        };
                        Value::Map(object.iter().map(entry).collect::<Result<_, _>>()?)
                    }
                }
            }
        })
    }
}

/// The object of a map, if it is one that reads as itself.
fn object(map: &[(Value, Value)]) -> Option<Map<String, Json>> {
    if let [(Value::Text(key), _)] = map
        && key.starts_with('$')
    {
        return None;
    }
    map.iter()
        .map(|(key, value)| match key {
            Value::Text(key) => Some((key.clone(), value.to_json())),
            _ => None,
        })
        .collect()
}

fn special(name: &str, value: &Json) -> Result<Value, String> {
    let wrong = || format!("the value of {name} is wrong");
    let text = value.as_str();
    Ok(match name {
        "$bytes" => Value::Bytes(text.and_then(unhex).ok_or_else(wrong)?),
        "$float" => Value::Float(text.and_then(|text| text.parse().ok()).ok_or_else(wrong)?),
        "$integer" => {
            let text = text.ok_or_else(wrong)?;
            match (text.parse(), text.parse()) {
                (Ok(n), _) => Value::Integer(n),
                (_, Ok(n)) => Value::Unsigned(n),
                _ => return Err(wrong()),
            }
        }
        "$map" => {
            let pair = |pair: &Json| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => Ok((Value::from_json(key)?, Value::from_json(value)?)),
                _ => Err(wrong()),
            };
            let pairs = value.as_array().ok_or_else(wrong)?;
            Value::Map(pairs.iter().map(pair).collect::<Result<_, _>>()?)
        }
        _ => {
            return Err(format!(
                "{name} is not known: write {{\"$map\": [[\"{name}\", …]]}} for a map with this key"
            ));
        }
    })
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(bool) => serializer.serialize_bool(*bool),
            Value::Integer(n) => serializer.serialize_i128(*n),
            Value::Unsigned(n) => serializer.serialize_u128(*n),
            Value::Float(float) => serializer.serialize_f64(*float),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::List(list) => serializer.collect_seq(list),
            Value::Map(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Integer(n.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(Value::Integer(n.into()))
    }

    fn visit_i128<E>(self, n: i128) -> Result<Value, E> {
        Ok(Value::Integer(n))
    }

    fn visit_u128<E>(self, n: u128) -> Result<Value, E> {
        Ok(i128::try_from(n).map_or(Value::Unsigned(n), Value::Integer))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Value, E> {
        Ok(Value::Float(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = access.next_entry::<Value, Value>()? {
            if map.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("a key twice"));
            }
            map.push((key, value));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardtack::session::SessionMap;

    fn values() -> Vec<Value> {
        let text = |text: &str| Value::Text(text.into());
        vec![
            Value::Null,
            Value::Bool(true),
            Value::Integer(0),
            Value::Integer((1 << 53) + 1),
            Value::Integer(u64::MAX.into()),
            Value::Integer(i64::MIN.into()),
            Value::Integer(i128::from(i64::MIN) - 1),
            Value::Integer(i128::MIN),
            Value::Unsigned(u128::MAX),
            Value::Float(60.0),
            Value::Float(-0.0),
            Value::Float(0.1),
            Value::Float(5e-324),
            Value::Float(f64::MAX),
            Value::Float(f64::INFINITY),
            Value::Float(f64::NEG_INFINITY),
            text("Zoë\u{202e}\0"),
            Value::Bytes(vec![0, 255]),
            Value::List(vec![Value::Integer(-1), Value::Map(vec![])]),
            Value::Map(vec![
                (text("a"), Value::Null),
                (text("b"), Value::Float(1.5)),
            ]),
            Value::Map(vec![(Value::Integer(7), text("seven"))]),
            Value::Map(vec![(text("$bytes"), text("00"))]),
            Value::Map(vec![(text("$a"), Value::Null), (text("$b"), Value::Null)]),
        ]
    }

    #[test]
    fn every_value_comes_back_through_json_and_through_a_session() {
        for value in values() {
            let json = serde_json::to_string(&value.to_json()).unwrap();
            let json: Json = serde_json::from_str(&json).unwrap();
            assert_eq!(Value::from_json(&json).as_ref(), Ok(&value), "{json}");
            let mut map = SessionMap::default();
            map.insert("value", &value).unwrap();
            let stored: Option<Value> = map.get("value").unwrap();
            assert_eq!(stored.as_ref(), Some(&value));
            let mut again = SessionMap::default();
            again.insert("value", stored).unwrap();
            assert_eq!(map, again);
        }
        let nan = Value::Float(f64::NAN).to_json();
        assert_eq!(nan, json!({ "$float": "NaN" }));
        let Ok(Value::Float(back)) = Value::from_json(&nan) else {
            unreachable!("a float")
        };
        assert!(back.is_nan());
    }

    #[test]
    fn json_that_means_nothing_is_refused() {
        for (json, why) in [
            (json!({ "$bytes": "0" }), "the value of $bytes is wrong"),
            (json!({ "$bytes": 5 }), "the value of $bytes is wrong"),
            (
                json!({ "$integer": "1.5" }),
                "the value of $integer is wrong",
            ),
            (json!({ "$float": [] }), "the value of $float is wrong"),
            (json!({ "$map": [[1]] }), "the value of $map is wrong"),
            (json!([{ "$date": 0 }]), "$date is not known"),
        ] {
            let error = Value::from_json(&json).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
