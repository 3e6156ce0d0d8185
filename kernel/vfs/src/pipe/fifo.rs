//! FIFOs: pipes with a name.

use super::{Pipe, PipeEnd};
use abi::{Errno, Result};
use alloc::sync::Arc;

use crate::attr::Attributes;
use crate::file_ops::FileOps;
use crate::inode::OpenRequest;
use crate::special;

/// Makes FIFOs openable; called once at start-up.
pub fn install() {
    special::install_fifo(open);
}

fn open(attr: &Attributes, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
    let attached = attr.attached();
    let object = match attached.object() {
        Some(object) => object,
        None => {
            let pipe = Pipe::new(request.cred).map_err(|_| Errno::ENOMEM)?;
            attached.object_or_insert(pipe)
        }
    };
    let pipe = object.downcast::<Pipe>().map_err(|_| Errno::ENXIO)?;
    Ok(Arc::new(PipeEnd::of_fifo(pipe, request.flags)?))
}
