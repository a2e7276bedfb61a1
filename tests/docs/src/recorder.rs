//! Remembers the metrics that the code of the operations page writes.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// All counters and gauges, by their names and the values of their labels.
#[derive(Default)]
pub struct Recorder(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Recorder {
    /// Returns each counter, and the bits of each gauge.
    pub fn values(&self) -> Vec<(String, u64)> {
        let metrics = self.0.lock().unwrap();
        let read = |(name, value): (&String, &Arc<AtomicU64>)| {
            (name.clone(), value.load(Ordering::Relaxed))
        };
        metrics.iter().map(read).collect()
    }

    fn metric(&self, key: &Key) -> Arc<AtomicU64> {
        let words = std::iter::once(key.name()).chain(key.labels().map(|label| label.value()));
        let name = words.collect::<Vec<_>>().join(" ");
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
