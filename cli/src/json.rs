//! What `open` prints and `seal` reads.

use crate::{
    payload::Payload,
    text::{date, hex, parse_date, seconds, unhex},
    value::Value,
};
use hardtack::{
    KeyId, Timestamp,
    session::{Flash, FlashLevel, SessionMap, SessionRecord},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// A token of a codec. What `seal` does not need is not read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_to: Option<String>,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub issued_at: String,
    #[serde(default)]
    pub ends_at: String,
    /// `{"text": ..}` or `{"hex": ..}`.
    pub payload: Json,
}

/// A session. What is missing is as in a new session.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    pub cookie: Option<String>,
    pub realm: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub key: String,
    pub issued_at: String,
    pub ends_at: String,
    pub version: u8,
    pub id: Option<String>,
    pub login_id: Option<String>,
    pub remembered: bool,
    pub by_login: bool,
    pub created_at: Option<String>,
    pub idle_timeout: Option<u32>,
    pub absolute_timeout: Option<u32>,
    pub longest: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub flashes: Vec<Message>,
    /// Of a dictionary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Map<String, Json>>,
    /// Of any other type, as its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub level: String,
    pub text: String,
}

const LEVELS: [FlashLevel; 4] = [
    FlashLevel::Info,
    FlashLevel::Success,
    FlashLevel::Warning,
    FlashLevel::Error,
];

impl Token {
    pub fn payload_json(payload: &Payload) -> Json {
        match payload.text() {
            Some(text) => serde_json::json!({ "text": text }),
            None => serde_json::json!({ "hex": hex(&payload.0) }),
        }
    }

    pub fn payload(&self) -> Result<Payload, String> {
        let text = |name| self.payload.get(name).and_then(Json::as_str);
        match (text("text"), text("hex").and_then(unhex)) {
            (Some(text), None) => Ok(Payload::of_text(text)),
            (None, Some(bytes)) => Ok(Payload(bytes)),
            _ => Err("payload is {\"text\": \"..\"} or {\"hex\": \"..\"}".into()),
        }
    }
}

impl Session {
    /// `place` is the name of the cookie, the realm and the type.
    pub fn of(
        record: &SessionRecord,
        place: [&str; 3],
        key: KeyId,
        issued_at: Timestamp,
    ) -> Result<Session, String> {
        let [cookie, realm, type_name] = place;
        let values = match (type_name, record.values()) {
            ("", Some(values)) => Some(values),
            ("", None) => return Err("the values of the session cannot be read".into()),
            _ => None,
        };
        let data = values.is_none().then(|| hex(&record.data));
        let message = |flash: &Flash| Message {
            level: flash.level.to_string(),
            text: flash.text.clone(),
        };
        Ok(Session {
            cookie: Some(cookie.into()),
            realm: realm.into(),
            type_name: type_name.into(),
            key: key.to_string(),
            issued_at: date(issued_at),
            ends_at: date(record.expires_at(issued_at)),
            version: record.version,
            id: Some(record.id.to_string()),
            login_id: Some(record.login_id.to_string()),
            remembered: record.remembered,
            by_login: record.by_login,
            created_at: Some(date(record.created_at)),
            idle_timeout: Some(seconds(record.idle_timeout)),
            absolute_timeout: Some(seconds(record.absolute_timeout)),
            longest: Some(seconds(record.longest)),
            device_key: record.device_key.map(|key| hex(&key)),
            subject: record.subject.clone(),
            flashes: record.flashes.iter().map(message).collect(),
            values: values.map(|values| object(&values)).transpose()?,
            data,
        })
    }

    /// Fails with a sentence for the person that wrote the JSON.
    pub fn record(&self, now: Timestamp) -> Result<SessionRecord, String> {
        let mut record = SessionRecord::new(now).map_err(|error| error.to_string())?;
        record.version = self.version;
        if let Some(id) = &self.id {
            record.id = id.parse().map_err(|error| format!("id: {error}"))?;
        }
        if let Some(id) = &self.login_id {
            record.login_id = id.parse().map_err(|error| format!("login_id: {error}"))?;
        }
        record.remembered = self.remembered;
        record.by_login = self.by_login;
        if let Some(created_at) = &self.created_at {
            let time = parse_date(created_at);
            record.created_at = time.ok_or("created_at is a time such as 2026-11-27T08:15:00Z")?;
        }
        for (to, from) in [
            (&mut record.idle_timeout, self.idle_timeout),
            (&mut record.absolute_timeout, self.absolute_timeout),
            (&mut record.longest, self.longest),
        ] {
            if let Some(seconds) = from {
                *to = Duration::from_secs(seconds.into());
            }
        }
        if let Some(key) = &self.device_key {
            let key = unhex(key).and_then(|key| key.try_into().ok());
            record.device_key = Some(key.ok_or("device_key is 33 bytes in hexadecimal digits")?);
        }
        record.subject.clone_from(&self.subject);
        for Message { level, text } in &self.flashes {
            let found = LEVELS.into_iter().find(|known| known.to_string() == *level);
            let level = found.ok_or("the level of a flash is info, success, warning or error")?;
            record.flashes.push(Flash::new(level, text));
        }
        match (&self.values, &self.data) {
            (Some(values), None) if self.type_name.is_empty() => record.set_values(&map(values)?),
            (None, None) if self.type_name.is_empty() => {}
            (None, Some(data)) if !self.type_name.is_empty() => {
                record.data = unhex(data).ok_or("data is hexadecimal digits")?;
            }
            _ => return Err("a dictionary has values, and any other type has data".into()),
        }
        Ok(record)
    }
}

fn object(values: &SessionMap) -> Result<Map<String, Json>, String> {
    let value = |key: &str| match values.get::<Value>(key) {
        Ok(value) => Ok((key.to_owned(), value.unwrap_or(Value::Null).to_json())),
        Err(error) => Err(error.to_string()),
    };
    values.keys().map(value).collect()
}

fn map(object: &Map<String, Json>) -> Result<SessionMap, String> {
    let mut values = SessionMap::default();
    for (key, json) in object {
        let value = Value::from_json(json).map_err(|error| format!("values, {key}: {error}"))?;
        values
            .insert(key, value)
            .map_err(|error| error.to_string())?;
    }
    Ok(values)
}
