//! Closing a descriptor.

use alloc::sync::Arc;

use crate::dnotify;
use crate::fd_table::FdTable;
use crate::file::OpenFile;

/// Lets go of a file taken out of `table`: the process's POSIX locks on it go, even if other
/// descriptors of the file stay.
pub fn close(table: &FdTable, file: Arc<OpenFile>) {
    if !file.is_path_only()
        && let Some(attached) = file.inode().attr().existing_attached()
    {
        attached.locks.table_closed(table.id());
        dnotify::end(&file);
    }
    drop(file);
}
