//! Grouping and counting: `read_group` up to 18, `formatted_read_group` in 19.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::{Reader, domain::order, read::raw};
use crate::{call::Call, refusal::Refusal, schema::Field, world::Row};

/// `oldest:min(create_date)`, `create_date:min`
#[derive(Debug)]
struct Aggregate {
    field: Field,
    key: String,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Count,
    Max,
    Min,
    Sum,
}

/// Rows that share the values of some fields.
#[derive(Debug)]
struct Bucket<'a> {
    rows: Vec<(i64, &'a Row)>,
    values: Vec<Value>,
}

impl Reader<'_> {
    /// Lazy, as it is unless told otherwise, it groups by the first field alone and counts in
    /// `<field>_count`; else in `__count`. Sums of fields without a function are not played.
    pub(super) fn read_group(&self, call: &Call) -> Result<Value, Refusal> {
        let lazy = call.arguments.get("lazy").is_none_or(|lazy| lazy == &json!(true));
        let names = call.words("groupby");
        let names = if lazy { names.get(..1).unwrap_or_default() } else { &names };
        let groupby = self.named(names)?;
        let mut aggregates = Vec::new();
        for spec in call.words("fields").into_iter().filter(|spec| spec.contains(':')) {
            aggregates.push(self.aggregate(spec)?);
        }
        let buckets = self.buckets(call, &groupby)?;
        let count = match (lazy, groupby.first()) {
            (true, Some(first)) => format!("{}_count", first.name),
            _ => "__count".to_owned(),
        };
        let told = page(call, buckets).map(|bucket| {
            let mut told = self.told(&groupby, &aggregates, &bucket);
            told.insert(count.clone(), json!(bucket.rows.len()));
            told.insert("__domain".to_owned(), domain(call, &groupby, &bucket, true));
            Value::Object(told)
        });
        Ok(told.collect())
    }

    /// [RUN19] for `["__count"]`; `__extra_domain` is [UNVERIFIED].
    pub(super) fn formatted_read_group(&self, call: &Call) -> Result<Value, Refusal> {
        let groupby = self.named(&call.words("groupby"))?;
        let (mut aggregates, mut count) = (Vec::new(), false);
        for spec in call.words("aggregates") {
            match spec {
                "__count" => count = true,
                spec => {
                    let aggregate = self.aggregate(spec)?;
                    aggregates.push(Aggregate { key: spec.to_owned(), ..aggregate });
                }
            }
        }
        let buckets = self.buckets(call, &groupby)?;
        let told = page(call, buckets).map(|bucket| {
            let mut told = self.told(&groupby, &aggregates, &bucket);
            told.insert("__extra_domain".to_owned(), domain(call, &groupby, &bucket, false));
            if count {
                told.insert("__count".to_owned(), json!(bucket.rows.len()));
            }
            Value::Object(told)
        });
        Ok(told.collect())
    }

    fn aggregate(&self, spec: &str) -> Result<Aggregate, Refusal> {
        let invalid = || Refusal::value(format!("Invalid field specification '{spec}'."));
        let (key, rest) = spec.split_once(':').ok_or_else(invalid)?;
        let (what, name) = match rest.split_once('(') {
            Some((what, name)) => (what, name.trim_end_matches(')')),
            None => (rest, key),
        };
        let what = match what {
            "count" => What::Count,
            "max" => What::Max,
            "min" => What::Min,
            "sum" => What::Sum,
            _ => return Err(invalid()),
        };
        let fields = self.named(&[name])?;
        let field = fields.first().copied().ok_or_else(invalid)?;
        Ok(Aggregate { field, key: key.to_owned(), what })
    }

    /// Sorted by their values, upwards.
    fn buckets(&self, call: &Call, groupby: &[Field]) -> Result<Vec<Bucket<'_>>, Refusal> {
        let mut buckets: Vec<Bucket<'_>> = Vec::new();
        for row in self.search(call, "domain")? {
            let values: Vec<Value> = groupby.iter().map(|field| raw(field.name, row)).collect();
            match buckets.iter_mut().find(|bucket| bucket.values == values) {
                Some(bucket) => bucket.rows.push(row),
                None => buckets.push(Bucket { rows: vec![row], values }),
            }
        }
        // Without a field to group by there is one group, be it empty.
        if groupby.is_empty() && buckets.is_empty() {
            buckets.push(Bucket { rows: Vec::new(), values: Vec::new() });
        }
        buckets.sort_by(|a, b| {
            let orders = a.values.iter().zip(&b.values).map(|(a, b)| order(a, b));
            orders.into_iter().find(|way| way.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(buckets)
    }

    fn told(
        &self,
        groupby: &[Field],
        aggregates: &[Aggregate],
        bucket: &Bucket<'_>,
    ) -> Map<String, Value> {
        let mut told = Map::new();
        for field in groupby {
            let first = bucket.rows.first();
            let value = first.map(|(id, row)| self.value(field, *id, row, true));
            // A null stays `False`, also of a number.
            let held = first.is_some_and(|row| !raw(field.name, *row).is_null());
            let value = value.filter(|_| held).unwrap_or(json!(false));
            told.insert(field.name.to_owned(), value);
        }
        for aggregate in aggregates {
            told.insert(aggregate.key.clone(), aggregate.of(bucket));
        }
        told
    }
}

impl Aggregate {
    fn of(&self, bucket: &Bucket<'_>) -> Value {
        let values = bucket.rows.iter().map(|row| raw(self.field.name, *row));
        let values = values.filter(|value| !value.is_null());
        match self.what {
            What::Count => json!(values.count()),
            What::Max => values.max_by(order).unwrap_or(json!(false)),
            What::Min => values.min_by(order).unwrap_or(json!(false)),
            What::Sum => json!(values.filter_map(|value| value.as_i64()).sum::<i64>()),
        }
    }
}

/// The groups between `offset` and `limit`.
fn page<'a>(call: &Call, buckets: Vec<Bucket<'a>>) -> impl Iterator<Item = Bucket<'a>> {
    let limit = call.number("limit").unwrap_or(usize::MAX);
    buckets.into_iter().skip(call.number("offset").unwrap_or(0)).take(limit)
}

/// The domain that leads to a group: with the call's own, or only what the group adds.
fn domain(call: &Call, groupby: &[Field], bucket: &Bucket<'_>, whole: bool) -> Value {
    let leaves = groupby.iter().zip(&bucket.values).map(|(field, value)| {
        let value = if value.is_null() { &json!(false) } else { value };
        json!([field.name, "=", value])
    });
    let leaves: Vec<Value> = leaves.collect();
    let own = call.get("domain").as_array().filter(|own| whole && !own.is_empty());
    let ands = leaves.len().saturating_sub(usize::from(own.is_none()));
    let mut domain = vec![json!("&"); ands];
    domain.extend(leaves);
    domain.extend(own.into_iter().flatten().cloned());
    Value::Array(domain)
}
