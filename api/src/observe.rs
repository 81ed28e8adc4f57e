//! Logs: one JSON object a line, or lines for people.

use std::fmt;

use nilometer_indexer::Clock;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Log, LogFormat};

/// Libraries that tell of each of their steps as if it were news.
const TALKATIVE: [&str; 4] = ["delta_kernel", "buoyant_kernel", "buoyant_kernel_engine", "deltalake_core"];

/// Lets the talkative libraries tell of what goes wrong only, unless the configuration names them.
fn quiet(targets: Targets) -> Targets {
    let named: Vec<String> = targets.iter().map(|(target, _)| target.to_owned()).collect();
    let quiet = TALKATIVE.into_iter().filter(|target| !named.iter().any(|n| n == target));
    quiet.fold(targets, |targets, target| targets.with_target(target, tracing::Level::WARN))
}

/// Writes panics to the log, but for those that are caught where they were expected.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if !nilometer_query::expects_panic() {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(place, "panic: {message}");
        }
    }));
}

/// A subscriber that writes logs as configured.
pub fn subscriber<W>(log: &Log, clock: Clock, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The configuration has checked the directives; a wrong one falls back to the default level.
    let targets: Targets = log.level.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let targets = quiet(targets);
    let layer: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> = match log.format {
        LogFormat::Json => Box::new(
            tracing_subscriber::fmt::layer()
                .fmt_fields(JsonFields::new())
                .event_format(JsonLines { clock })
                .with_writer(writer),
        ),
        LogFormat::Pretty => Box::new(
            tracing_subscriber::fmt::layer()
                .with_timer(UtcTime(clock))
                .with_target(false)
                .with_ansi(false)
                .with_writer(writer),
        ),
    };
    tracing_subscriber::registry().with(layer.with_filter_of(targets))
}

/// Attaches a filter to a boxed layer.
trait WithFilterOf<S> {
    fn with_filter_of(self, targets: Targets) -> tracing_subscriber::filter::Filtered<Self, Targets, S>
    where
        Self: Sized;
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> WithFilterOf<S> for Box<dyn tracing_subscriber::Layer<S> + Send + Sync> {
    fn with_filter_of(self, targets: Targets) -> tracing_subscriber::filter::Filtered<Self, Targets, S> {
        tracing_subscriber::Layer::with_filter(self, targets)
    }
}

struct UtcTime(Clock);

impl tracing_subscriber::fmt::time::FormatTime for UtcTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", (self.0)())
    }
}

/// `{"ts":…,"level":…,"target":…,"msg":…}` followed by the fields of the spans, outermost first, and of the event.
struct JsonLines {
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_else(|| "".into());
        let mut line = Map::new();
        line.insert("ts".into(), (self.clock)().to_string().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        line.insert("msg".into(), message);
        if let Some(scope) = context.event_scope() {
            for span in scope.from_root() {
                let extensions = span.extensions();
                let formatted = extensions.get::<FormattedFields<N>>().map(|f| f.fields.as_str());
                if let Some(Ok(Value::Object(of_span))) = formatted.map(serde_json::from_str) {
                    line.extend(of_span);
                }
            }
        }
        line.extend(fields.0);
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// The fields of one event as JSON values.
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name().into(), crate::problem::chain(value).into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nilometer_schemas::Instant;
    use parking_lot::Mutex;
    use std::io::Write;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_carries_time_level_target_message_span_and_event_fields() {
        let shared = Shared::default();
        let writer = shared.clone();
        let log = Log { format: LogFormat::Json, level: "info".into(), days: 30 };
        let subscriber = subscriber(&log, Arc::new(|| Instant(0)), move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", request_id = "r1");
            span.in_scope(|| tracing::info!(status = 200, route = "/search \"x\"\n", "answered"));
            tracing::debug!("below the level");
        });
        let text = String::from_utf8(shared.0.lock().clone()).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            line,
            serde_json::json!({
                "ts": "1970-01-01T00:00:00Z",
                "level": "INFO",
                "target": "nilometer_api::observe::tests",
                "msg": "answered",
                "request_id": "r1",
                "status": 200,
                "route": "/search \"x\"\n",
            })
        );
    }
}
