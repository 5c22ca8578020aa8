//! A config with parsed fields.

use super::fields::{Document, Fields, meant};
use super::scheduler::{Class, Scheduler};
use super::shift::PictureShift;
use langevin::error::{Error, Result};
use std::sync::Arc;

/// The parsed and checked fields of a config, and the names of the fields that its class ignores.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) scheduler: Arc<dyn Scheduler>,
    /// Rule by which pipelines compute μ, if the config shifts by the size of the picture.
    pub(super) picture: Option<PictureShift>,
    /// Fields of other classes.
    pub(super) foreign: Vec<String>,
    /// Fields that no class has.
    pub(super) unknown: Vec<String>,
}

impl Parsed {
    pub(super) fn new(class: &Class, document: &Document) -> Result<Self> {
        let fields = Fields::of(document);
        let scheduler = (class.parse)(&fields)?;
        let (mut foreign, unknown) = fields.unread();
        // A learned variance does not affect samplers that do not draw it.
        if fields.text("variance_type").is_some_and(|word| word.starts_with("learned")) {
            foreign.retain(|name| name != "variance_type");
        }
        // Pipelines read this field of the config, whatever its class.
        let dynamic = fields.flag("use_dynamic_shifting", false)?;
        let picture = if dynamic { Some(PictureShift::parse(&fields)?) } else { None };
        Ok(Self { scheduler, picture, foreign, unknown })
    }

    /// Returns an error if the config has fields that no class has.
    pub(super) fn refuse_unknown(&self, class: &str) -> Result<()> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let near = self.unknown.iter().find_map(|name| Some((name, meant(name)?)));
        let meant = near.map(|(name, near)| format!("did you mean '{near}' by '{name}'? ")).unwrap_or_default();
        Err(Error::format(format!("no scheduler has these fields: {}", self.unknown.join(", ")))
            .at(class.to_owned())
            .hinting(format!("{meant}take them out if they do not change the result; without strict they are ignored")))
    }
}
