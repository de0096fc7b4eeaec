//! JSON Schemas of our value types, so that generated schemas state their exact text forms.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::calendar::Day;
use crate::id::Identifier;
use crate::money::{Amount, Currency, Rounding};

macro_rules! text_schema {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_schema!(Amount, {
    "type": "string",
    "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,12})?$",
    "description": "An exact decimal number; amounts carry at most their currency's minor units."
});
text_schema!(Currency, {
    "type": "string", "pattern": "^[A-Z]{3}$", "description": "A currency of ISO 4217."
});
text_schema!(Day, {
    "type": "string", "format": "date", "description": "A date in the book's time zone."
});
text_schema!(Identifier, {
    "type": "string", "minLength": 1, "maxLength": 128,
    "description": "The caller's own id: 1 to 128 bytes of UTF-8 without control characters."
});
text_schema!(Rounding, { "enum": ["half_even", "half_up"] });
