//! Ageing buckets: how old what is open is (accounting, section 5).

/// The names of the buckets for these lower ends: `current`, `1-30`, …, `90+`.
pub fn bucket_names(limits: &[u32]) -> Vec<String> {
    let mut names = vec!["current".to_owned()];
    for pair in limits.windows(2) {
        if let [low, high] = pair {
            names.push(format!("{}-{high}", low + 1));
        }
    }
    names.extend(limits.last().map(|last| format!("{last}+")));
    names
}

/// The place of the bucket for so many days overdue.
pub fn bucket(limits: &[u32], days_overdue: i32) -> usize {
    limits.iter().filter(|limit| days_overdue > i32::try_from(**limit).unwrap_or(i32::MAX)).count()
}
