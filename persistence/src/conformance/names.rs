//! Claims and releases: exactly one winner, all or none.

use super::{Engine, entity, record, restart};
use crate::{
    AppendError, DIRECTORY_NAME_BYTES_MAX, DirectoryChange, EntityId, NewRecord, Position, Seq, Stores,
};
use std::sync::Arc;
use tokio::task::JoinSet;

pub(super) async fn run<E: Engine>(engine: &E) {
    many_claimers_have_one_winner(engine).await;
    released_names_can_be_claimed_again(engine).await;
    a_record_is_all_or_none(engine).await;
    changes_of_one_record_count_in_order(engine).await;
}

fn claiming(key: &str, expected: u64, directory: &[DirectoryChange]) -> NewRecord {
    NewRecord { directory: directory.to_vec(), ..record(key, expected, "claim") }
}

fn claim(name: &str) -> DirectoryChange {
    DirectoryChange::Claim(name.into())
}

fn release(name: &str) -> DirectoryChange {
    DirectoryChange::Release(name.into())
}

async fn owner(stores: &Stores, name: &str) -> Option<EntityId> {
    stores.directory.lookup(name).await.unwrap()
}

async fn many_claimers_have_one_winner<E: Engine>(engine: &E) {
    const CLAIMERS: usize = 40;
    let (stores, place) = engine.create().await;
    for round in 0..5 {
        let name = format!("email:{round}@example.com");
        let mut claimers = JoinSet::new();
        for n in 0..CLAIMERS {
            let journal = Arc::clone(&stores.journal);
            let made = claiming(&format!("r{round}c{n}"), 0, &[claim(&name)]);
            claimers.spawn(async move { (made.entity.clone(), journal.append(made).await) });
        }
        let results = claimers.join_all().await;
        let winners: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).collect();
        let [(winner, _)] = winners.as_slice() else {
            assert_eq!(winners.len(), 1, "exactly one claimer wins");
            return;
        };
        for (loser, result) in results.iter().filter(|(_, result)| result.is_err()) {
            let taken = AppendError::Taken { name: name.clone(), owner: winner.clone() };
            assert_eq!(result, &Err(taken));
            assert_eq!(stores.journal.head(loser).await, Ok(Seq::ZERO), "a loser wrote nothing");
        }
        assert_eq!(owner(&stores, &name).await.as_ref(), Some(winner));
    }
    assert_eq!(stores.journal.position(), Position(5));
    let winner = owner(&stores, "email:0@example.com").await;
    let stores = restart(engine, stores, &place).await;
    assert_eq!(owner(&stores, "email:0@example.com").await, winner);
    let late = stores.journal.append(claiming("late", 0, &[claim("email:0@example.com")])).await;
    assert!(matches!(late, Err(AppendError::Taken { .. })), "{late:?}");
    stores.journal.close().await;
}

async fn released_names_can_be_claimed_again<E: Engine>(engine: &E) {
    let (stores, place) = engine.create().await;
    let journal = &stores.journal;
    journal.append(claiming("a", 0, &[claim("n")])).await.unwrap();
    journal.append(claiming("a", 1, &[claim("n")])).await.unwrap();
    journal.append(claiming("b", 0, &[release("n")])).await.unwrap();
    assert_eq!(owner(&stores, "n").await, Some(entity("a")), "only the holder can release");
    journal.append(claiming("a", 2, &[release("n")])).await.unwrap();
    assert_eq!(owner(&stores, "n").await, None);
    journal.append(claiming("b", 1, &[claim("n")])).await.unwrap();
    assert_eq!(owner(&stores, "n").await, Some(entity("b")));
    let stores = restart(engine, stores, &place).await;
    assert_eq!(owner(&stores, "n").await, Some(entity("b")));
    assert_eq!(owner(&stores, "never").await, None);
    stores.journal.close().await;
}

async fn a_record_is_all_or_none<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    stores.journal.append(claiming("a", 0, &[claim("held")])).await.unwrap();
    let refused = stores.journal.append(claiming("b", 0, &[claim("free"), claim("held")])).await;
    assert!(matches!(refused, Err(AppendError::Taken { .. })), "{refused:?}");
    assert_eq!(owner(&stores, "free").await, None, "no claim of a refused record is kept");
    assert_eq!(stores.journal.head(&entity("b")).await, Ok(Seq::ZERO));
    let long = "n".repeat(DIRECTORY_NAME_BYTES_MAX + 1);
    let refused = stores.journal.append(claiming("b", 0, &[claim(&long)])).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })));
    let longest = "n".repeat(DIRECTORY_NAME_BYTES_MAX);
    stores.journal.append(claiming("b", 0, &[claim(&longest)])).await.unwrap();
    assert_eq!(owner(&stores, &longest).await, Some(entity("b")));
    stores.journal.close().await;
}

async fn changes_of_one_record_count_in_order<E: Engine>(engine: &E) {
    let (stores, _place) = engine.create().await;
    stores.journal.append(claiming("a", 0, &[claim("x"), release("x"), claim("y")])).await.unwrap();
    assert_eq!((owner(&stores, "x").await, owner(&stores, "y").await), (None, Some(entity("a"))));
    stores.journal.append(claiming("a", 1, &[release("y"), claim("y")])).await.unwrap();
    assert_eq!(owner(&stores, "y").await, Some(entity("a")));
    stores.journal.close().await;
}
