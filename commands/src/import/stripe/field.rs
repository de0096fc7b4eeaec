//! Fields of Stripe objects, with errors that say where something is missing.

use serde_json::Value;

/// A JSON object and its path.
#[derive(Debug, Clone)]
pub(super) struct Object<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Object<'a> {
    pub(super) fn new(value: &'a Value, path: impl Into<String>) -> Self {
        Self { value, path: path.into() }
    }

    fn lacks(&self, name: &str, what: &str) -> String {
        format!("{}.{name} is missing or no {what}", self.path)
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, String> {
        self.optional(name).ok_or_else(|| self.lacks(name, "text"))
    }

    pub(super) fn optional(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A whole number; a fraction is none.
    pub(super) fn whole(&self, name: &str) -> Result<i64, String> {
        self.optional_whole(name).ok_or_else(|| self.lacks(name, "whole number"))
    }

    pub(super) fn optional_whole(&self, name: &str) -> Option<i64> {
        self.value.get(name)?.as_i64()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.value.get(name)?.as_bool()
    }

    pub(super) fn object(&self, name: &str) -> Result<Object<'a>, String> {
        self.optional_object(name).ok_or_else(|| self.lacks(name, "object"))
    }

    /// An object, where the field is expanded and not only an id.
    pub(super) fn optional_object(&self, name: &str) -> Option<Object<'a>> {
        let value = self.value.get(name).filter(|value| value.is_object())?;
        Some(Self::new(value, format!("{}.{name}", self.path)))
    }

    /// An id, whether the field is expanded or not.
    pub(super) fn reference(&self, name: &str) -> Option<&'a str> {
        self.optional(name).or_else(|| self.optional_object(name)?.optional("id"))
    }

    /// The objects of a list, plain or in `data`.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Object<'a>>, String> {
        let Some(found) = self.value.get(name).filter(|value| !value.is_null()) else {
            return Ok(Vec::new());
        };
        if found.get("has_more").and_then(Value::as_bool) == Some(true) {
            return Err(format!("{}.{name} is not whole: fetch all pages of it", self.path));
        }
        let list = found.as_array().or_else(|| found.get("data")?.as_array());
        let list = list.ok_or_else(|| self.lacks(name, "list"))?;
        let paths = list.iter().enumerate();
        Ok(paths
            .map(|(at, value)| Self::new(value, format!("{}.{name}[{at}]", self.path)))
            .collect())
    }
}
