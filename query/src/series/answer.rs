//! The batches of an answer: rows as they are, or statistics of them. Each piece of a query is read directly from the
//! pages that hold it, on a thread for blocking work; statistics of a piece are DataFusion's.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType, UInt32Type};
use datafusion::functions_aggregate::expr_fn::{avg, count, first_value, last_value, max, median, min, sum};
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{Expr, ExprFunctionExt, ident};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures_util::{StreamExt, stream};
use nilometer_indexer::series::{RowFilter, SeriesTable};
use nilometer_schemas::observation::{
    DISCRIMINATOR_COLUMN, FEATURE_COLUMN, OWN_COLUMNS, TIME_COLUMN, VERSION_COLUMN, time_type,
};
use nilometer_schemas::{Instant, ObservationKey, Parameter, ParameterType, Problem};

use super::step::StepCursor;
use super::{BatchStream, Method, Resample, Series, SeriesColumn, SeriesQuery, Step, Versions, chunk};
use crate::plan::internal;

/// Rows of one piece of an answer.
const ROWS_AT_ONCE: u64 = 16_384;
/// Rows of one piece that only its statistics are wanted of.
const ROWS_AT_ONCE_RESAMPLED: u64 = 262_144;
/// Pieces that are worked on at the same time.
const PIECES_AT_ONCE: usize = 2;
/// How far the times of two versions of a pass may lie apart, µs.
const PASS_SLACK_US: i64 = 2 * 3_600 * 1_000_000;

/// Columns of an answer that is not resampled.
pub(super) fn raw_schema(parameters: &[Parameter]) -> SchemaRef {
    nilometer_schemas::observation::observation_schema(parameters.iter().map(|p| (p.name.as_str(), p.kind)))
}

/// Rows as they are.
pub(super) fn raw(table: &Arc<SeriesTable>, query: &SeriesQuery, wanted: Vec<Parameter>) -> Series {
    let schema = raw_schema(&wanted);
    let columns = wanted.into_iter().map(SeriesColumn::plain).collect();
    let reader = Reader { table: table.clone(), schema: schema.clone(), versions: query.versions.clone() };
    let reader = Arc::new(reader);
    let batches = pieces(table, query, ROWS_AT_ONCE, true, move |piece| {
        let reader = reader.clone();
        async move { blocking(move || reader.rows(&piece)).await }
    });
    Series { schema, columns, batches }
}

/// Statistics of steps.
pub(super) fn resampled(
    table: &Arc<SeriesTable>,
    query: &SeriesQuery,
    wanted: Vec<Parameter>,
    resample: &Resample,
) -> Result<Series, Problem> {
    let named = !query.parameters.is_empty();
    if let Some(text) = wanted.iter().find(|p| p.kind == ParameterType::Text && named) {
        let detail = format!("{:?} holds texts, of which there are no statistics", text.name);
        return Err(Problem::invalid("method", detail).at("parameter-name").allowed("parameters that hold numbers"));
    }
    let wanted: Vec<Parameter> = wanted.into_iter().filter(|p| p.kind != ParameterType::Text).collect();
    let columns = statistics(&wanted, resample);
    let mut fields =
        vec![Field::new(FEATURE_COLUMN, DataType::Utf8, false), Field::new(TIME_COLUMN, time_type(), false)];
    fields.extend(columns.iter().map(|c| Field::new(&c.name, type_of(c), true)));
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let reader = Reader { table: table.clone(), schema: raw_schema(&wanted), versions: query.versions.clone() };
    let work = Arc::new(Work { reader, columns: columns.clone(), step: resample.step, schema: schema.clone() });
    // A step must not be cut in two: pieces are whole features.
    let batches = pieces(table, query, ROWS_AT_ONCE_RESAMPLED, false, move |piece| {
        let work = work.clone();
        async move { work.statistics(piece).await }
    });
    Ok(Series { schema, columns, batches })
}

/// The columns of statistics: for each parameter those asked for, and how many values they rest on.
fn statistics(wanted: &[Parameter], resample: &Resample) -> Vec<SeriesColumn> {
    let mut columns = Vec::new();
    for parameter in wanted {
        let mut methods = resample.methods.clone();
        if !methods.contains(&Method::Count) {
            methods.push(Method::Count);
        }
        methods.dedup();
        columns.extend(methods.into_iter().map(|method| SeriesColumn {
            name: format!("{}_{}_{}", method.as_str(), parameter.name, resample.step),
            parameter: parameter.clone(),
            method: Some(method),
        }));
    }
    columns
}

fn type_of(column: &SeriesColumn) -> DataType {
    match column.method {
        Some(Method::Count) => DataType::Int64,
        Some(Method::Mean | Method::Median) => DataType::Float64,
        _ => column.parameter.kind.data_type(),
    }
}

/// The pieces of a query, worked on in order, some ahead of what was taken.
fn pieces<F>(
    table: &Arc<SeriesTable>,
    query: &SeriesQuery,
    rows: u64,
    by_time: bool,
    work: impl Fn(RowFilter) -> F + Send + 'static,
) -> BatchStream
where
    F: Future<Output = Result<RecordBatch, Problem>> + Send + 'static,
{
    let (table, query) = (table.clone(), query.clone());
    let cut = async move { blocking(move || chunk::cut(&table, &query, rows, by_time).map_err(|e| e.problem())).await };
    let batches = stream::once(cut)
        .flat_map(|cut| match cut {
            Ok(pieces) => stream::iter(pieces.into_iter().map(Ok)).left_stream(),
            Err(problem) => stream::iter(VecDeque::from([Err(problem)])).right_stream(),
        })
        .map(move |piece| match piece {
            Ok(piece) => futures_util::future::Either::Left(work(piece)),
            Err(problem) => futures_util::future::Either::Right(std::future::ready(Err(problem))),
        })
        .buffered(PIECES_AT_ONCE)
        .filter(|batch| std::future::ready(batch.as_ref().map_or(true, |b| b.num_rows() > 0)));
    Box::pin(batches)
}

/// Runs work that blocks where it hinders no request.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(internal(cancelled)),
        },
    }
}

/// Reads rows in the versions wanted.
struct Reader {
    table: Arc<SeriesTable>,
    /// Columns of what is read.
    schema: SchemaRef,
    versions: Versions,
}

impl Reader {
    fn rows(&self, piece: &RowFilter) -> Result<RecordBatch, Problem> {
        let table = &self.table;
        let columns: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let latest = self.versions == Versions::Latest && table.has_several_versions();
        // The newest version of a pass may lie outside a period that an older one lies in.
        let wide = latest && table.model().key == ObservationKey::Pass && (piece.from.is_some() || piece.to.is_some());
        let mut filter = piece.clone();
        if wide {
            filter.from = filter.from.map(|t| Instant(t.0.saturating_sub(PASS_SLACK_US)));
            filter.to = filter.to.map(|t| Instant(t.0.saturating_add(PASS_SLACK_US)));
        }
        let mut rows = table.read(&filter, &columns).map_err(|e| e.problem())?;
        if latest {
            rows = table.newest(&rows).map_err(|e| e.problem())?;
        }
        if wide {
            let times = rows[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>();
            let within = |t: i64| piece.from.is_none_or(|from| t >= from.0) && piece.to.is_none_or(|to| t <= to.0);
            let keep = BooleanArray::from_iter(times.values().iter().map(|t| Some(within(*t))));
            rows = filter_record_batch(&rows, &keep).map_err(internal)?;
        }
        if let Versions::Only(version) = &self.versions {
            let versions = rows[VERSION_COLUMN].as_string::<i32>();
            let keep = BooleanArray::from_iter(versions.iter().map(|v| Some(v == Some(version))));
            rows = filter_record_batch(&rows, &keep).map_err(internal)?;
        }
        let at: Vec<usize> = columns.iter().filter_map(|c| rows.schema().index_of(c).ok()).collect();
        rows.project(&at).map_err(internal)
    }
}

/// Makes the statistics of pieces.
struct Work {
    reader: Reader,
    columns: Vec<SeriesColumn>,
    step: Step,
    schema: SchemaRef,
}

/// Columns of a piece on its way through DataFusion: the feature and the begin of the step as numbers, which are grouped
/// faster than texts.
const FEATURE_ORDINAL: &str = "#feature";
const STEP_BEGIN: &str = "#step";

impl Work {
    async fn statistics(self: Arc<Self>, piece: RowFilter) -> Result<RecordBatch, Problem> {
        let work = self.clone();
        let (rows, features) = blocking(move || work.reader.rows(&piece).and_then(|rows| work.grouped(&rows))).await?;
        if rows.num_rows() == 0 {
            return Ok(RecordBatch::new_empty(self.schema.clone()));
        }
        let groups = self.aggregate(rows).await.map_err(internal)?;
        self.finish(&groups, &features)
    }

    /// The rows with the numbers that they are grouped by, and the features that the ordinals stand for.
    fn grouped(&self, rows: &RecordBatch) -> Result<(RecordBatch, Vec<String>), Problem> {
        let ids = rows[FEATURE_COLUMN].as_string::<i32>();
        let times = rows[TIME_COLUMN].as_primitive::<TimestampMicrosecondType>().values();
        let (mut features, mut ordinals): (Vec<String>, Vec<u32>) = (Vec::new(), Vec::with_capacity(ids.len()));
        let mut begins = Vec::with_capacity(ids.len());
        let mut cursor = StepCursor::new(self.step);
        for (row, id) in ids.iter().enumerate() {
            let id = id.unwrap_or_default();
            if features.last().is_none_or(|last| last != id) {
                features.push(id.to_owned());
            }
            ordinals.push(features.len() as u32 - 1);
            begins.push(cursor.begin(Instant(times[row])).0);
        }
        let mut fields: Vec<Field> =
            vec![Field::new(FEATURE_ORDINAL, DataType::UInt32, false), Field::new(STEP_BEGIN, DataType::Int64, false)];
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(UInt32Array::from(ordinals)), Arc::new(Int64Array::from(begins))];
        let needed = |name: &str| !OWN_COLUMNS.contains(&name) || [TIME_COLUMN, DISCRIMINATOR_COLUMN].contains(&name);
        for (at, field) in rows.schema().fields().iter().enumerate().filter(|(_, f)| needed(f.name())) {
            fields.push(field.as_ref().clone());
            columns.push(rows.column(at).clone());
        }
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(internal)?;
        Ok((rows, features))
    }

    async fn aggregate(&self, rows: RecordBatch) -> datafusion::error::Result<Vec<RecordBatch>> {
        let config = SessionConfig::new().with_target_partitions(1);
        let context = SessionContext::new_with_config(config);
        let by = vec![ident(FEATURE_ORDINAL), ident(STEP_BEGIN)];
        let statistics = self.columns.iter().map(expression).collect::<datafusion::error::Result<Vec<_>>>()?;
        let order = by.iter().map(|key| key.clone().sort(true, false)).collect();
        context.read_batch(rows)?.aggregate(by, statistics)?.sort(order)?.collect().await
    }

    /// The groups as the answer has them.
    fn finish(&self, groups: &[RecordBatch], features: &[String]) -> Result<RecordBatch, Problem> {
        let Some(first) = groups.first() else { return Ok(RecordBatch::new_empty(self.schema.clone())) };
        let groups = arrow::compute::concat_batches(&first.schema(), groups).map_err(internal)?;
        let column = |name: &str| groups.column_by_name(name).ok_or_else(|| internal(format!("{name} is missing")));
        let ordinals = column(FEATURE_ORDINAL)?.as_primitive::<UInt32Type>().values().iter();
        let ids = StringArray::from_iter_values(ordinals.map(|at| features[*at as usize].as_str()));
        let begins = column(STEP_BEGIN)?.as_primitive::<Int64Type>().values().to_vec();
        let begins = TimestampMicrosecondArray::from(begins).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(begins)];
        let mut any = vec![false; groups.num_rows()];
        for wanted in &self.columns {
            let values = cast(column(&wanted.name)?, &type_of(wanted)).map_err(internal)?;
            if wanted.method == Some(Method::Count) {
                let counts = values.as_primitive::<Int64Type>().values();
                any.iter_mut().zip(counts).for_each(|(any, count)| *any |= *count > 0);
            }
            columns.push(values);
        }
        let all = RecordBatch::try_new(self.schema.clone(), columns).map_err(internal)?;
        filter_record_batch(&all, &BooleanArray::from(any)).map_err(internal)
    }
}

/// A statistic as DataFusion's expression; missing values are left out of all of them.
fn expression(column: &SeriesColumn) -> datafusion::error::Result<Expr> {
    let value = ident(column.parameter.name.as_str());
    let as_float = || datafusion::logical_expr::cast(value.clone(), DataType::Float64);
    let order = || vec![ident(TIME_COLUMN).sort(true, false), ident(DISCRIMINATOR_COLUMN).sort(true, false)];
    let statistic = match column.method.unwrap_or(Method::Mean) {
        Method::Mean => avg(as_float()),
        Method::Min => min(value),
        Method::Max => max(value),
        Method::Median => median(as_float()),
        Method::Sum => sum(value),
        Method::Count => count(value),
        Method::First => first_value(value, order()).null_treatment(NullTreatment::IgnoreNulls).build()?,
        Method::Last => last_value(value, order()).null_treatment(NullTreatment::IgnoreNulls).build()?,
    };
    Ok(statistic.alias(&column.name))
}
