//! A kernel of its own that checks the machine under hal: processors, timers, threads, user mode.
//! Prints `machine check: ok` and powers off. Run it on every `-cpu`, `-smp` and controller.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a check stops at what it does not expect"
)]

extern crate alloc;

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
hal::entry!(check::main);

#[cfg(target_os = "none")]
mod check {
    use alloc::boxed::Box;
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use core::fmt::Write;
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    use hal::boot::BootInfo;
    use hal::console::EarlyConsole;
    use hal::cpu::{CpuId, PerCpu};
    use hal::hooks::Hooks;
    use hal::thread::{Context, Runnable};
    use hal::virtio::{self, Chain, Features, Kind};
    use hal::{Access, PageTable, Prot, Trap, UFrame, UserAddr, UserContext};
    use spin::Mutex;

    macro_rules! say {
        ($($word:tt)*) => {{ let _ = writeln!(EarlyConsole, $($word)*); }};
    }

    struct Thread(Context);
    hal::runnable!(Thread, 0);

    static TICKS: PerCpu<AtomicU32> = PerCpu::from_array([const { AtomicU32::new(0) }; 8]);
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static RESCHEDULES: AtomicU32 = AtomicU32::new(0);

    fn install() {
        hal::hooks::install(Hooks {
            reschedule: || {
                hal::preempt::clear_need_resched();
                RESCHEDULES.fetch_add(1, Ordering::Relaxed);
            },
            timer_expired: || {
                TICKS.here().fetch_add(1, Ordering::Relaxed);
            },
            page_fault: |_, _| false,
            after_switch: drop,
            call_function: || {
                CALLS.fetch_add(1, Ordering::Relaxed);
            },
        });
    }

    /// Waits a millisecond by the timer.
    fn timer() {
        let before = TICKS.here().load(Ordering::Relaxed);
        let start = hal::time::now_ns();
        hal::time::set_deadline(Some(start + 1_000_000));
        loop {
            let guard = hal::irq::IrqGuard::new();
            if TICKS.here().load(Ordering::Relaxed) != before {
                break;
            }
            hal::irq::wait(guard);
        }
        assert!(
            hal::time::now_ns() - start >= 1_000_000,
            "the timer is early"
        );
    }

    fn secondary() -> ! {
        hal::irq::enable_all();
        timer();
        loop {
            hal::irq::wait(hal::irq::IrqGuard::new());
        }
    }

    fn threads() {
        static STEPS: AtomicU64 = AtomicU64::new(0);
        let me = Arc::new(Thread(Context::for_this_flow()));
        hal::thread::adopt(me.clone());
        let back: Arc<dyn Runnable> = me;
        let to = back.clone();
        let Ok(context) = Context::new(Box::new(move || {
            loop {
                STEPS.fetch_add(1, Ordering::Relaxed);
                let _irq = hal::irq::IrqGuard::new();
                hal::thread::switch_to(to.clone());
            }
        })) else {
            panic!("no stack")
        };
        let other = Arc::new(Thread(context));
        let start = hal::time::now_ns();
        for _ in 0..1000 {
            let _irq = hal::irq::IrqGuard::new();
            hal::thread::switch_to(other.clone());
        }
        let spent = hal::time::now_ns() - start;
        assert_eq!(STEPS.load(Ordering::Relaxed), 1000);
        say!("threads: {} ns a switch", spent / 2000);
        hal::thread::with_current(|now: &Thread| {
            assert!(core::ptr::eq(now.context(), back.context()))
        });
    }

    const PROGRAM: [u32; 16] = [
        0xd2807d13, // mov x19, #0x3e8 //
        0xd28015a8, // mov x8, #0xad //
        0xd4000001, // svc #0x0
        0xf1000673, // subs x19, x19, #0x1
        0x54ffffa1, // b.ne 4 <.text+0x4> //
        0x1e6e1000, // fmov d0, #1.000000000000000000e+00
        0x9e660001, // fmov x1, d0
        0xd5380002, // mrs x2, midr_el1
        0xd53be043, // mrs x3, cntvct_el0
        0xd2800028, // mov x8, #0x1 //
        0xd4000001, // svc #0x0
        0xd2800004, // mov x4, #0x0 //
        0xf9400084, // ldr x4, [x4]
        0x00000000, // .word 0x00000000
        0xd42000a0, // brk #0x5
        0x14000000, // b 3c <.text+0x3c>
    ];

    fn user() {
        let Ok(space) = PageTable::new() else {
            panic!("no tables")
        };
        let Some(frame) = UFrame::alloc_zeroed() else {
            panic!("no frame")
        };
        let code: Vec<u8> = PROGRAM.iter().flat_map(|word| word.to_le_bytes()).collect();
        frame.write(0, &code);
        PageTable::sync_instructions(&frame);
        let mapped = space.map_new(UserAddr(0x40_0000), frame, Prot::READ.union(Prot::EXEC));
        assert!(mapped.is_ok());
        space.activate();
        let mut word = [0; 4];
        assert_eq!(hal::ucopy::copy_in(&mut word, UserAddr(0x40_0000)), Ok(()));
        assert_eq!(u32::from_le_bytes(word), PROGRAM[0]);
        assert!(hal::ucopy::copy_in(&mut word, UserAddr(0x80_0000)).is_err());
        let mut cpu = UserContext::new();
        cpu.set_pc(0x40_0000);
        cpu.set_tls(0x1234);
        let start = hal::time::now_ns();
        let (mut calls, mut done) = (0, false);
        while !done {
            let trap = cpu.run(|cpu| {
                if cpu.x(8) == 173 {
                    calls += 1;
                    cpu.set_x(0, 1);
                } else {
                    done = true;
                    cpu.come_back();
                }
            });
            assert_eq!(trap, Trap::Interrupt, "at {:#x}", cpu.pc());
        }
        say!(
            "user: {calls} calls, {} ns each",
            (hal::time::now_ns() - start) / calls
        );
        assert_eq!(cpu.x(1), 1f64.to_bits());
        assert_eq!(cpu.fpsimd().v[0], u128::from(1f64.to_bits()));
        assert_eq!(cpu.tls(), 0x1234);
        say!("midr {:#x} counter {}", cpu.x(2), cpu.x(3));
        let fault = cpu.run(|_| {});
        assert!(
            matches!(
                fault,
                Trap::Fault {
                    addr: UserAddr(0),
                    access: Access::Read,
                    ..
                }
            ),
            "{fault:?}"
        );
        cpu.set_pc(cpu.pc() + 4);
        assert!(matches!(cpu.run(|_| {}), Trap::Undefined { .. }));
        cpu.set_pc(cpu.pc() + 4);
        assert_eq!(cpu.run(|_| {}), Trap::Breakpoint(5));
        cpu.set_pc(cpu.pc() + 4);
        hal::time::set_deadline(Some(hal::time::now_ns() + 2_000_000));
        assert_eq!(cpu.run(|_| {}), Trap::Interrupt);
        hal::thread::with_current(|me: &Thread| me.context().kick());
        assert_eq!(cpu.run(|_| {}), Trap::Interrupt);
        cpu.set_single_step(true);
        assert_eq!(cpu.run(|_| {}), Trap::SingleStep);
        cpu.set_single_step(false);
        hal::mmu::leave();
    }

    /// Asks every entropy source for bytes, by interrupt.
    fn entropy(devices: &hal::device::Devices) {
        static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
        for mut device in virtio::find(devices) {
            let line = device.line();
            say!("virtio {:?} at {line:?}", device.kind());
            if device.kind() != Kind::Entropy {
                continue;
            }
            device.negotiate(Features::empty());
            let Ok(mut queue) = device.queue::<8>(0) else {
                panic!("no queue")
            };
            device.start();
            let device = Arc::new(Mutex::new(device));
            let acknowledge = device.clone();
            let handler = Arc::new(move || {
                if acknowledge.lock().acknowledge() {
                    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert!(hal::irq::register(line, "check", handler).is_ok());
            hal::irq::enable(line);
            for _ in 0..20 {
                let before = INTERRUPTS.load(Ordering::Relaxed);
                assert!(queue.submit(Chain::room(64)).is_ok());
                {
                    let _irq = hal::irq::IrqGuard::new();
                    device.lock().notify(queue.index());
                }
                loop {
                    let guard = hal::irq::IrqGuard::new();
                    if INTERRUPTS.load(Ordering::Relaxed) != before {
                        break;
                    }
                    hal::irq::wait(guard);
                }
                let Some((chain, written)) = queue.complete() else {
                    panic!("nothing done")
                };
                assert!(written > 0 && chain.incoming[0][..written].iter().any(|&byte| byte != 0));
            }
            say!("entropy: ok");
        }
    }

    pub(super) fn main(info: BootInfo) -> ! {
        install();
        say!(
            "command line: {:?}, {} cpus, {} frames",
            info.command_line,
            info.cpus,
            hal::frame::total()
        );
        hal::irq::enable_all();
        timer();
        let running = hal::smp::start_secondaries(8, secondary);
        assert_eq!(running, info.cpus);
        let deadline = hal::time::now_ns() + 1_000_000_000;
        let others = hal::cpu::online().without(CpuId::BOOT);
        while others
            .iter()
            .any(|cpu| TICKS.on(cpu).load(Ordering::Relaxed) == 0)
        {
            assert!(hal::time::now_ns() < deadline, "a processor has no timer");
        }
        hal::ipi::send(others, hal::ipi::Ipi::CallFunction);
        while (CALLS.load(Ordering::Relaxed) as usize) < others.count() {
            assert!(
                hal::time::now_ns() < deadline,
                "an interrupt between processors was lost"
            );
        }
        hal::preempt::set_need_resched(hal::cpu::current());
        drop(hal::preempt::PreemptGuard::new());
        assert_eq!(RESCHEDULES.load(Ordering::Relaxed), 1);
        entropy(&info.devices);
        threads();
        user();
        say!("machine check: ok, {} cpus", running);
        hal::power::off()
    }
}
