//! The page of code the kernel gives every program, if the machine has one.

use alloc::sync::Arc;

use abi::Result;
use abi::mman::ProtFlags;
use hal::{PAGE_SIZE, UFrame};
use mm::{AddressSpace, Backing, MapRequest, Placement, VmaFlags};
use sync::Once;

/// The code and the data it reads.
struct Vdso {
    /// Pages of code, an ELF image.
    code: Arc<[UFrame]>,
    /// Pages of data, mapped right below the code.
    data: Arc<[UFrame]>,
    /// Offset of the signal trampoline in the code.
    trampoline: u64,
}

static VDSO: Once<Vdso> = Once::new();

/// Gives every program started from now on the code. Once.
pub fn install(pages: hal::vdso::Pages) {
    let _ = VDSO.set(Vdso {
        code: Arc::new([pages.code]),
        data: Arc::new([pages.data]),
        trampoline: pages.sigreturn as u64,
    });
}

/// Maps the code and its data; answers the code's address.
pub(crate) fn map(mm: &AddressSpace) -> Result<Option<u64>> {
    let Some(vdso) = VDSO.get() else {
        return Ok(None);
    };
    let (code, data) = (vdso.code.len() * PAGE_SIZE, vdso.data.len() * PAGE_SIZE);
    let base = mm.map(MapRequest::anon(
        Placement::Anywhere(0),
        code + data,
        ProtFlags::empty(),
    ))?;
    let special = |at: usize, length, frames: &Arc<[UFrame]>, name, prot| {
        let mut request = MapRequest::anon(Placement::Fixed(at), length, prot);
        request.flags = VmaFlags::MAYREAD | VmaFlags::MAYEXEC;
        request.backing = Backing::Special {
            frames: frames.clone(),
            name,
        };
        mm.map(request)
    };
    if data > 0 {
        special(base.0, data, &vdso.data, "[vvar]", ProtFlags::READ)?;
    }
    let at = special(
        base.0 + data,
        code,
        &vdso.code,
        "[vdso]",
        ProtFlags::READ | ProtFlags::EXEC,
    )?;
    Ok(Some(at.0 as u64))
}

/// Where handlers of a space return to; 0 when there is no such code.
pub fn trampoline(mm: &AddressSpace) -> u64 {
    match (VDSO.get(), mm.layout().vdso) {
        (Some(vdso), base) if base != 0 => base as u64 + vdso.trampoline,
        _ => 0,
    }
}
