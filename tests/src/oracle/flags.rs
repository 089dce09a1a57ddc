//! Flags by their definition.

use syncline::crdt::{FlagKind, Value};
use syncline::doc::Doc;

use super::causal::{Event, Topic, delete, place, same, text};
use crate::rng::Rng;

/// A flag of each kind at one path.
pub struct Flags;

/// What happened to them.
#[derive(Clone, Debug)]
pub enum Act {
    /// A flag was written.
    Write(FlagKind, bool),
    /// Both were deleted.
    Delete,
}

impl Topic for Flags {
    type Act = Act;

    fn act(rng: &mut Rng, doc: &mut Doc, _: &[Event<Act>]) -> Result<Option<Act>, String> {
        if rng.chance(10) {
            return Ok(delete(rng, doc)?.then_some(Act::Delete));
        }
        let kind = *rng.pick(&[FlagKind::EnableWins, FlagKind::DisableWins]);
        let truth = rng.chance(50);
        doc.flag_set(&place(), kind, truth).map_err(text)?;
        Ok(Some(Act::Write(kind, truth)))
    }

    fn check(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
        let deletes: Vec<_> = seen.iter().filter(|event| matches!(event.act, Act::Delete)).collect();
        let writes = |kind: FlagKind, truth: bool| {
            let wanted = move |act: &Act| matches!(act, Act::Write(of, to) if (*of, *to) == (kind, truth));
            let kept = |event: &&Event<Act>| !deletes.iter().any(|delete| event.before(delete));
            seen.iter().filter(move |event| wanted(&event.act)).filter(kept).collect::<Vec<_>>()
        };
        // Some enabling that no disabling has seen.
        let (on, off) = (writes(FlagKind::EnableWins, true), writes(FlagKind::EnableWins, false));
        let enabled = on.iter().any(|on| !off.iter().any(|off| on.before(off)));
        same("the enable-wins flag", doc.flag(&place(), FlagKind::EnableWins), enabled)?;
        let first = !on.is_empty() || !off.is_empty();
        // Some enabling, and every disabling was seen by one.
        let (on, off) = (writes(FlagKind::DisableWins, true), writes(FlagKind::DisableWins, false));
        let still = !on.is_empty() && off.iter().all(|off| on.iter().any(|on| off.before(on)));
        same("the disable-wins flag", doc.flag(&place(), FlagKind::DisableWins), still)?;
        let second = !on.is_empty() || !off.is_empty();
        let shown = first.then_some(enabled).or(second.then_some(still)).map(Value::Bool);
        same("the view", doc.view(&place()), shown)
    }
}
