//! History: paging both ways, replacing, many streams.

use super::{Engine, entity, record, restart};
use crate::{AppendError, Direction, HistoryRow, NewRecord, Page, RowNo, STREAM_NAME_BYTES_MAX, Stores};

pub(super) async fn run<E: Engine>(engine: &E) {
    pages_cover_a_stream_both_ways(engine).await;
    a_number_written_again_replaces_the_row(engine).await;
    streams_do_not_mix(engine).await;
}

fn row(stream: &str, no: RowNo, text: &str) -> HistoryRow {
    HistoryRow { stream: stream.into(), no, bytes: text.as_bytes().to_vec() }
}

fn with_rows(key: &str, expected: u64, rows: Vec<HistoryRow>) -> NewRecord {
    NewRecord { rows, ..record(key, expected, "rows") }
}

/// Follows the cursors to the end.
async fn walk(stores: &Stores, stream: &str, limit: usize, direction: Direction) -> Vec<(RowNo, String)> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let page = stores.history.page(&entity("a"), stream, cursor, limit, direction).await.unwrap();
        assert!(page.rows.len() <= limit);
        assert!(page.next.is_none() || page.rows.len() == limit, "only the last page is short");
        rows.extend(page.rows.into_iter().map(|(no, bytes)| (no, String::from_utf8(bytes).unwrap())));
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

async fn assert_stream(stores: &Stores, stream: &str, expected: &[(RowNo, String)]) {
    let backward: Vec<_> = expected.iter().rev().cloned().collect();
    for limit in [1, 2, 7, 10, 1000] {
        assert_eq!(walk(stores, stream, limit, Direction::Forward).await, expected, "pages of {limit}");
        assert_eq!(walk(stores, stream, limit, Direction::Backward).await, backward, "pages of {limit}");
    }
}

async fn pages_cover_a_stream_both_ways<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    let mut expected = Vec::new();
    for n in 0..40_u64 {
        let nos = [n * 10, n * 10 + 3];
        let rows = nos.iter().map(|no| row("m", *no, &format!("text {no}"))).collect();
        stores.journal.append(with_rows("a", n, rows)).await.unwrap();
        expected.extend(nos.map(|no| (no, format!("text {no}"))));
        if n == 25 {
            stores = restart(engine, stores, &place).await;
        }
    }
    assert_stream(&stores, "m", &expected).await;
    let stores = restart(engine, stores, &place).await;
    assert_stream(&stores, "m", &expected).await;
    let history = &stores.history;
    let from_between = history.page(&entity("a"), "m", Some(11), 2, Direction::Forward).await.unwrap();
    assert_eq!(from_between.rows.iter().map(|(no, _)| *no).collect::<Vec<_>>(), vec![13, 20]);
    let back = history.page(&entity("a"), "m", Some(13), 2, Direction::Backward).await.unwrap();
    assert_eq!(back.rows.iter().map(|(no, _)| *no).collect::<Vec<_>>(), vec![10, 3]);
    let none = history.page(&entity("a"), "m", Some(393), 2, Direction::Forward).await.unwrap();
    assert_eq!(none, Page::default());
    stores.journal.close().await;
}

async fn a_number_written_again_replaces_the_row<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    let first = (1..=20).map(|no| row("m", no, "old")).collect();
    stores.journal.append(with_rows("a", 0, first)).await.unwrap();
    stores = restart(engine, stores, &place).await;
    stores.journal.append(with_rows("a", 1, vec![row("m", 5, "x"), row("m", 5, "new")])).await.unwrap();
    let mut expected: Vec<_> = (1..=20).map(|no| (no, "old".to_owned())).collect();
    expected[4].1 = "new".into();
    assert_stream(&stores, "m", &expected).await;
    stores = restart(engine, stores, &place).await;
    stores
        .journal
        .append(with_rows("a", 2, vec![row("m", 0, "before"), row("m", 20, "last")]))
        .await
        .unwrap();
    expected[19].1 = "last".into();
    expected.insert(0, (0, "before".into()));
    assert_stream(&stores, "m", &expected).await;
    let stores = restart(engine, stores, &place).await;
    assert_stream(&stores, "m", &expected).await;
    stores.journal.close().await;
}

async fn streams_do_not_mix<E: Engine>(engine: &E) {
    let (mut stores, place) = engine.create().await;
    let streams = ["m", "m/", "m/1", "mm", "", "ü"];
    let rows = streams.iter().map(|stream| row(stream, 1, stream)).collect();
    stores.journal.append(with_rows("a", 0, rows)).await.unwrap();
    stores.journal.append(with_rows("a/m", 0, vec![row("m", 1, "another entity")])).await.unwrap();
    for _ in 0..2 {
        for stream in streams {
            assert_stream(&stores, stream, &[(1, stream.to_owned())]).await;
        }
        let empty = stores.history.page(&entity("b"), "m", None, 10, Direction::Forward).await.unwrap();
        assert_eq!(empty, Page::default());
        stores = restart(engine, stores, &place).await;
    }
    let long = "s".repeat(STREAM_NAME_BYTES_MAX + 1);
    let refused = stores.journal.append(with_rows("a", 1, vec![row(&long, 1, "x")])).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })), "{refused:?}");
    let longest = "s".repeat(STREAM_NAME_BYTES_MAX);
    stores.journal.append(with_rows("a", 1, vec![row(&longest, u64::MAX, "x")])).await.unwrap();
    assert_stream(&stores, &longest, &[(u64::MAX, "x".to_owned())]).await;
    stores.journal.close().await;
}
