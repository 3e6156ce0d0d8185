//! What happens when no frame is left for a program: first caches give back, then the installed
//! hook (the OOM killer) decides.

use sync::Once;

/// Asked when memory is short: `true` when it is worth trying again (something was freed, or the
/// caller waited for a victim to end), `false` to fail. Called without spin locks; may sleep.
pub type Relief = fn() -> bool;

static HOOK: Once<Relief> = Once::new();

/// Installs the OOM killer, once at start.
pub fn install(hook: Relief) {
    // The first one counts.
    let _ = HOOK.set(hook);
}

/// Tries to make frames free; whether to try again.
pub(crate) fn relieve() -> bool {
    HOOK.get().is_some_and(|hook| hook())
}
