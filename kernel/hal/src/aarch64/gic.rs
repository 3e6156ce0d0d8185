//! The interrupt controller: GICv2 and GICv3 behind the same few functions.
//!
//! Shared lines go to the boot processor. All have one priority; nothing nests.

use aarch64_cpu::registers::{MPIDR_EL1, Readable};
use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::kmap;
use crate::cpu::{self, CpuMask, MAX_CPUS};
use crate::device::tree::Controller;
use crate::ipi::Ipi;
use crate::irq::{IrqLine, Trigger};

static VERSION: AtomicU32 = AtomicU32::new(0);
static DISTRIBUTOR: AtomicUsize = AtomicUsize::new(0);
/// GICv2: the processor interface.
static INTERFACE: AtomicUsize = AtomicUsize::new(0);
/// GICv3: each processor's redistributor; GICv2: each one's target bit.
static REDISTRIBUTOR: [AtomicUsize; MAX_CPUS] = [const { AtomicUsize::new(0) }; MAX_CPUS];
static TARGET: [AtomicU32; MAX_CPUS] = [const { AtomicU32::new(0) }; MAX_CPUS];
/// GICv3: each processor's affinity as ICC_SGI1R wants it.
static AFFINITY: [AtomicUsize; MAX_CPUS] = [const { AtomicUsize::new(0) }; MAX_CPUS];
static TIMER: AtomicU32 = AtomicU32::new(super::interrupt::TIMER_LINE);

const CTLR: usize = 0x000;
const TYPER: usize = 0x004;
const IGROUPR: usize = 0x080;
const ISENABLER: usize = 0x100;
const ICENABLER: usize = 0x180;
const IPRIORITYR: usize = 0x400;
const ITARGETSR: usize = 0x800;
const ICFGR: usize = 0xc00;
const SGIR: usize = 0xf00;
const IROUTER: usize = 0x6000;

const GICC_CTLR: usize = 0x0;
const GICC_PMR: usize = 0x4;
const GICC_IAR: usize = 0xc;
const GICC_EOIR: usize = 0x10;

const GICR_WAKER: usize = 0x14;
const GICR_TYPER: usize = 0x08;
/// The redistributor's second frame: private lines.
const GICR_SGI: usize = 0x1_0000;

const PRIORITY: u32 = 0xa0a0_a0a0;

fn read(base: usize, offset: usize) -> u32 {
    let value: u32;
    // SAFETY: a mapped register of the controller. One plain load, so that a hypervisor can decode it.
    unsafe {
        asm!("ldr {0:w}, [{1}]", out(reg) value, in(reg) base + offset, options(nostack, preserves_flags))
    };
    value
}

fn write(base: usize, offset: usize, value: u32) {
    // SAFETY: a mapped register of the controller.
    unsafe {
        asm!("str {0:w}, [{1}]", in(reg) value, in(reg) base + offset, options(nostack, preserves_flags))
    };
}

fn read64(base: usize, offset: usize) -> u64 {
    let value: u64;
    // SAFETY: a mapped 64-bit register of the controller.
    unsafe {
        asm!("ldr {0}, [{1}]", out(reg) value, in(reg) base + offset, options(nostack, preserves_flags))
    };
    value
}

fn write64(base: usize, offset: usize, value: u64) {
    // SAFETY: a mapped 64-bit register of the controller.
    unsafe {
        asm!("str {0}, [{1}]", in(reg) value, in(reg) base + offset, options(nostack, preserves_flags))
    };
}

fn distributor() -> usize {
    DISTRIBUTOR.load(Ordering::Relaxed)
}

fn is_v3() -> bool {
    VERSION.load(Ordering::Relaxed) == 3
}

/// The controller's name.
pub(crate) fn controller() -> &'static str {
    if is_v3() { "GICv3" } else { "GICv2" }
}

/// The line of the virtual timer.
#[inline]
pub(crate) fn timer_line() -> u32 {
    TIMER.load(Ordering::Relaxed)
}

/// Sets up the distributor; every processor then calls [`init_processor`].
pub(super) fn init(
    controller: &Controller,
    timer: Option<u32>,
    page: &mut dyn FnMut() -> Option<u64>,
) -> bool {
    if let Some(line) = timer {
        TIMER.store(line, Ordering::Relaxed);
    }
    let mut map =
        |range: &crate::device::DeviceRange| kmap::map_device(range.base, range.size, page).ok();
    match controller {
        Controller::V2 {
            distributor,
            interface,
        } => {
            let (Some(d), Some(c)) = (map(distributor), map(interface)) else {
                return false;
            };
            DISTRIBUTOR.store(d, Ordering::Relaxed);
            INTERFACE.store(c, Ordering::Relaxed);
            VERSION.store(2, Ordering::Relaxed);
        }
        Controller::V3 {
            distributor,
            redistributors,
        } => {
            let Some(d) = map(distributor) else {
                return false;
            };
            DISTRIBUTOR.store(d, Ordering::Relaxed);
            for (slot, range) in REGIONS.iter().zip(redistributors) {
                let Some(r) = map(range) else { return false };
                slot.0.store(r, Ordering::Relaxed);
                slot.1.store(range.size as usize, Ordering::Relaxed);
            }
            VERSION.store(3, Ordering::Relaxed);
        }
    }
    let d = distributor();
    write(d, CTLR, 0);
    let lines = 32 * ((read(d, TYPER) as usize & 0x1f) + 1);
    for word in 1..lines / 32 {
        write(d, ICENABLER + 4 * word, !0);
        if is_v3() {
            write(d, IGROUPR + 4 * word, !0);
        }
    }
    for word in 8..lines / 4 {
        write(d, IPRIORITYR + 4 * word, PRIORITY);
    }
    if is_v3() {
        wait_distributor();
        // ARE, both non-secure group bits as this security state sees them.
        write(d, CTLR, (1 << 4) | (1 << 1) | 1);
        wait_distributor();
    } else {
        write(d, CTLR, 1);
    }
    true
}

/// GICv3 redistributor regions: mapped address and size.
static REGIONS: [(AtomicUsize, AtomicUsize); 4] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; 4];

fn wait_distributor() {
    while read(distributor(), CTLR) & (1 << 31) != 0 {
        core::hint::spin_loop();
    }
}

/// This processor's affinity, MPIDR_EL1 without its flags.
pub(super) fn affinity() -> u64 {
    MPIDR_EL1.get() & 0xff_00ff_ffff
}

fn find_redistributor() -> Option<usize> {
    let me = affinity();
    let packed = ((me >> 32 & 0xff) << 24) | (me & 0xff_ffff);
    for (base, size) in &REGIONS {
        let (base, size) = (base.load(Ordering::Relaxed), size.load(Ordering::Relaxed));
        let mut at = base;
        while base != 0 && at + 2 * GICR_SGI <= base + size {
            let typer = read64(at, GICR_TYPER);
            if typer >> 32 == packed {
                return Some(at);
            }
            if typer & (1 << 4) != 0 {
                break;
            }
            // With virtual LPIs a redistributor has two frames more.
            at += if typer & 2 != 0 {
                4 * GICR_SGI
            } else {
                2 * GICR_SGI
            };
        }
    }
    None
}

/// Sets up what belongs to this processor: private lines, the interface, the timer's line.
pub(super) fn init_processor() -> bool {
    let me = cpu::current().index();
    if !is_v3() {
        let (d, c) = (distributor(), INTERFACE.load(Ordering::Relaxed));
        TARGET[me].store(read(d, ITARGETSR) & 0xff, Ordering::Relaxed);
        write(d, ICENABLER, 0xffff_0000);
        write(d, ISENABLER, 0xffff);
        for word in 0..8 {
            write(d, IPRIORITYR + 4 * word, PRIORITY);
        }
        write(c, GICC_PMR, 0xf0);
        write(c, GICC_CTLR, 1);
        enable_private(timer_line());
        return true;
    }
    let Some(frame) = find_redistributor() else {
        return false;
    };
    REDISTRIBUTOR[me].store(frame, Ordering::Relaxed);
    let me_affinity = affinity();
    let sgi = (me_affinity >> 32 & 0xff) << 48
        | (me_affinity >> 16 & 0xff) << 32
        | (me_affinity >> 8 & 0xff) << 16;
    AFFINITY[me].store(
        (sgi | (me_affinity & 0xff) << 56) as usize,
        Ordering::Relaxed,
    );
    write(frame, GICR_WAKER, read(frame, GICR_WAKER) & !2);
    while read(frame, GICR_WAKER) & 4 != 0 {
        core::hint::spin_loop();
    }
    let lines = frame + GICR_SGI;
    write(lines, IGROUPR, !0);
    write(lines, ICENABLER, 0xffff_0000);
    write(lines, ISENABLER, 0xffff);
    for word in 0..8 {
        write(lines, IPRIORITYR + 4 * word, PRIORITY);
    }
    // SAFETY: the controller's system registers, there by its version.
    unsafe {
        asm!(
            "mrs {t}, S3_0_C12_C12_5", // ICC_SRE_EL1
            "orr {t}, {t}, #1",
            "msr S3_0_C12_C12_5, {t}",
            "isb",
            "msr S3_0_C4_C6_0, {pmr}", // ICC_PMR_EL1
            "msr S3_0_C12_C12_3, xzr", // ICC_BPR1_EL1
            "msr S3_0_C12_C12_4, xzr", // ICC_CTLR_EL1
            "msr S3_0_C12_C12_7, {one}", // ICC_IGRPEN1_EL1
            "isb",
            t = out(reg) _,
            pmr = in(reg) 0xf0u64,
            one = in(reg) 1u64,
            options(nostack)
        );
    }
    enable_private(timer_line());
    true
}

fn enable_private(line: u32) {
    let base = if is_v3() {
        REDISTRIBUTOR[cpu::current().index()].load(Ordering::Relaxed) + GICR_SGI
    } else {
        distributor()
    };
    write(base, ISENABLER, 1 << (line % 32));
}

/// Routes a device's line to the boot processor and lets it interrupt.
pub(crate) fn line_enable(line: IrqLine) {
    let d = distributor();
    let (word, bit) = (line.number as usize / 32, line.number % 32);
    if d == 0 || line.number < 32 || word >= 32 {
        return;
    }
    let config = ICFGR + 4 * (line.number as usize / 16);
    let edge = 2 << (2 * (line.number % 16));
    let old = read(d, config);
    write(
        d,
        config,
        if line.trigger == Trigger::Edge {
            old | edge
        } else {
            old & !edge
        },
    );
    if is_v3() {
        let boot = AFFINITY[0].load(Ordering::Relaxed) as u64;
        let route = (boot >> 56 & 0xff)
            | (boot >> 16 & 0xff) << 8
            | (boot >> 32 & 0xff) << 16
            | (boot >> 48 & 0xff) << 32;
        write64(d, IROUTER + 8 * line.number as usize, route);
    } else {
        let register = ITARGETSR + (line.number as usize & !3);
        let shift = 8 * (line.number % 4);
        let target = TARGET[0].load(Ordering::Relaxed) << shift;
        write(d, register, (read(d, register) & !(0xff << shift)) | target);
    }
    write(d, ISENABLER + 4 * word, 1 << bit);
}

/// Stops a device's line.
pub(crate) fn line_disable(line: IrqLine) {
    disable(line.number);
}

/// Stops a line by number.
pub(super) fn disable(line: u32) {
    if distributor() != 0 && (32..1020).contains(&line) {
        write(
            distributor(),
            ICENABLER + 4 * (line as usize / 32),
            1 << (line % 32),
        );
    }
}

/// The number of the interrupt to serve, or none. GICv2 numbers carry the sender above bit 10.
#[inline]
pub(super) fn acknowledge() -> Option<u32> {
    let number = if is_v3() {
        let number: u64;
        // SAFETY: acknowledges; ICC_IAR1_EL1 is there by the version.
        unsafe { asm!("mrs {0}, S3_0_C12_C12_0", "dsb sy", out(reg) number, options(nostack)) };
        number as u32 & 0xff_ffff
    } else {
        read(INTERFACE.load(Ordering::Relaxed), GICC_IAR)
    };
    (number & 0x3ff < 1020).then_some(number)
}

/// Ends an acknowledged interrupt.
#[inline]
pub(super) fn end(number: u32) {
    if is_v3() {
        // SAFETY: ends what `acknowledge` began.
        unsafe {
            asm!("msr S3_0_C12_C12_1, {0}", "isb", in(reg) u64::from(number), options(nostack))
        };
    } else {
        write(INTERFACE.load(Ordering::Relaxed), GICC_EOIR, number);
    }
}

/// Sends an interrupt to other processors.
pub(crate) fn ipi_send(to: CpuMask, what: Ipi) {
    // SAFETY: what was written before is seen before the interrupt.
    unsafe { asm!("dsb ishst", options(nostack, preserves_flags)) };
    if is_v3() {
        for cpu in to.iter() {
            let packed = AFFINITY[cpu.index()].load(Ordering::Relaxed) as u64;
            let low = packed >> 56 & 0xff;
            let target =
                (packed & !(0xff << 56)) | (low / 16) << 44 | (what as u64) << 24 | 1 << (low % 16);
            // SAFETY: ICC_SGI1R_EL1 is there by the version.
            unsafe {
                asm!("msr S3_0_C12_C11_5, {0}", in(reg) target, options(nostack, preserves_flags))
            };
        }
        // SAFETY: the interrupt leaves before what follows.
        unsafe { asm!("isb", options(nostack, preserves_flags)) };
    } else if distributor() != 0 {
        let targets = to.iter().fold(0, |set, cpu| {
            set | TARGET[cpu.index()].load(Ordering::Relaxed)
        });
        write(distributor(), SGIR, targets << 16 | what as u32);
    }
}
