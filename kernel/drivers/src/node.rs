//! Device nodes that drivers make: what `/dev` and `/sys/class` show of them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::SortedMap;
use sync::{Once, SpinLock, rank};

/// A character device under `/dev`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Path below `/dev`.
    pub name: String,
    /// Device number.
    pub device: u64,
    /// Permission bits.
    pub mode: u32,
    /// Directory below `/sys/class`.
    pub class: &'static str,
    /// Further files in the device's directory there, with their text.
    pub attributes: Vec<(&'static str, String)>,
    /// Directory below `/sys` that the device's own stands in; empty: that of devices without hardware.
    pub above: String,
    /// Directory below `/sys` of the device it belongs to; empty: none.
    pub parent: String,
    /// What kind of its class it is (`DEVTYPE`); empty where there is one kind.
    pub kind: &'static str,
}

impl Node {
    /// A node without further attributes.
    #[must_use]
    pub fn new(name: &str, device: u64, mode: u32, class: &'static str) -> Self {
        Self {
            name: name.into(),
            device,
            mode,
            class,
            attributes: Vec::new(),
            above: String::new(),
            parent: String::new(),
            kind: "",
        }
    }
}

/// Who shows nodes to programs: devtmpfs and sysfs.
pub trait NodeSink: Send + Sync {
    /// A node is there, or its attributes have changed.
    fn add(&self, node: &Node);
    /// A node is gone.
    fn remove(&self, node: &Node);
    /// A file below `/sys` with these bytes.
    fn file(&self, path: &str, bytes: Bytes);
    /// A link below `/sys` to another place there.
    fn link(&self, path: &str, target: &str);
    /// Something happened to a device (`KOBJECT_UEVENT`): the action, its place below `/sys`, its class, further lines.
    fn uevent(&self, action: &str, place: &str, class: &str, more: &str);
}

/// Makes the bytes of a file when it is read.
pub type Bytes = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Shows a file below `/sys`.
pub fn file(path: &str, bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static) {
    if let Some(sink) = SINK.get() {
        sink.file(path, Arc::new(bytes));
    }
}

/// Shows a text that does not change below `/sys`.
pub fn text(path: &str, text: &str) {
    let bytes = text.as_bytes().to_vec();
    file(path, move || bytes.clone());
}

/// Shows a link below `/sys`.
pub fn link(path: &str, target: &str) {
    if let Some(sink) = SINK.get() {
        sink.link(path, target);
    }
}

/// Tells programs that something happened to a device.
pub fn uevent(action: &str, place: &str, class: &str, more: &str) {
    if let Some(sink) = SINK.get() {
        sink.uevent(action, place, class, more);
    }
}

static NODES: SpinLock<SortedMap<String, Node>, { rank::LEAF }> = SpinLock::new(SortedMap::new());
static SINK: Once<Arc<dyn NodeSink>> = Once::new();

/// Names the sink; it hears of the nodes there are, then of each change. Called once at start-up.
pub fn install_sink(sink: Arc<dyn NodeSink>) {
    if SINK.set(sink.clone()).is_ok() {
        for node in all() {
            sink.add(&node);
        }
    }
}

/// All nodes, by name.
#[must_use]
pub fn all() -> Vec<Node> {
    NODES.lock().values().cloned().collect()
}

/// Makes a node, or changes the one of that name.
pub fn publish(node: Node) {
    NODES.lock().insert(node.name.clone(), node.clone());
    if let Some(sink) = SINK.get() {
        sink.add(&node);
    }
}

/// Takes a node away.
pub fn withdraw(name: &str) {
    let node = NODES.lock().remove(name);
    if let (Some(sink), Some(node)) = (SINK.get(), node) {
        sink.remove(&node);
    }
}
