//! A config whose fields its class has parsed.

use super::fields::{Document, Fields, meant};
use super::scheduler::{Class, Scheduler};
use super::shift::PictureShift;
use langevin::error::{Error, Result};
use std::sync::Arc;

/// The fields of a config, parsed and checked, and the names of those that its class passes over.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) scheduler: Arc<dyn Scheduler>,
    /// How pipelines make μ, where the config shifts by the size of the picture.
    pub(super) picture: Option<PictureShift>,
    /// The fields of other classes.
    pub(super) foreign: Vec<String>,
    /// The fields that no class has.
    pub(super) unknown: Vec<String>,
}

impl Parsed {
    pub(super) fn new(class: &Class, document: &Document) -> Result<Self> {
        let fields = Fields::of(document);
        let scheduler = (class.parse)(&fields)?;
        let (mut foreign, unknown) = fields.unread();
        // A variance that another sampler does not draw changes nothing.
        if fields.text("variance_type").is_some_and(|word| word.starts_with("learned")) {
            foreign.retain(|name| name != "variance_type");
        }
        // Pipelines look at the config, whatever its class.
        let dynamic = fields.flag("use_dynamic_shifting", false)?;
        let picture = if dynamic { Some(PictureShift::parse(&fields)?) } else { None };
        Ok(Self { scheduler, picture, foreign, unknown })
    }

    /// Refuses fields that no class has.
    pub(super) fn refuse_unknown(&self, class: &str) -> Result<()> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let near = self.unknown.iter().find_map(|name| Some((name, meant(name)?)));
        let meant = near.map(|(name, near)| format!("did you mean '{near}' by '{name}'? ")).unwrap_or_default();
        Err(Error::format(format!("no scheduler has these fields: {}", self.unknown.join(", ")))
            .at(class.to_owned())
            .hinting(format!(
                "{meant}take them out if they do not change the result; without strict they are passed over"
            )))
    }
}
