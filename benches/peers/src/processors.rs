//! The processors that a process may run on.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

const THIS: Pid = Pid::from_raw(0);

/// Returns the processors that this thread may run on.
pub fn processors() -> Vec<usize> {
    let set = sched_getaffinity(THIS).expect("Linux tells");
    let is_set = |processor: &usize| set.is_set(*processor).is_ok_and(|is_set| is_set);
    (0..CpuSet::count()).filter(is_set).collect()
}

/// Keeps this thread on these processors, and all threads and processes that it starts.
pub fn keep_to(processors: &[usize]) {
    let mut set = CpuSet::new();
    for processor in processors {
        set.set(*processor).expect("its number is small");
    }
    sched_setaffinity(THIS, &set).expect("they are there");
}
