//! Where passwords are hashed: a few at a time on threads that may be blocked, a bounded number waiting, the rest
//! refused with a hint. So a storm of sign-ins costs neither the server's threads nor its memory.

use super::{
    error::AuthError,
    password::{self, HashError, Password, Salt, Verdict},
};
use crate::metric_definitions::{PASSWORD_HASHES, PASSWORD_HASHES_REFUSED};
use std::{num::NonZero, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// When trying again makes sense after a refusal.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashingError {
    /// Too many are waiting. Nothing happened.
    #[error("too many passwords are being hashed")]
    Overloaded {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// The machine could not.
    #[error(transparent)]
    Failed(#[from] HashError),
}

impl From<HashingError> for AuthError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            HashingError::Failed(_) => Self::Internal,
        }
    }
}

/// Hashes and checks passwords. Cheap to clone; clones share the bounds.
#[derive(Clone, Debug)]
pub struct HashingPool {
    /// Places of those that run or wait.
    places: Arc<Semaphore>,
    /// Permits of those that run.
    running: Arc<Semaphore>,
}

impl HashingPool {
    /// `threads` at once (0: one per core), `waiting` more may wait.
    #[must_use]
    pub fn new(threads: usize, waiting: usize) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if threads == 0 { cores() } else { threads };
        Self {
            places: Arc::new(Semaphore::new(threads + waiting)),
            running: Arc::new(Semaphore::new(threads)),
        }
    }

    /// The form of a password that is stored.
    ///
    /// # Errors
    /// [`HashingError`].
    pub async fn hash(&self, password: Password, salt: Salt) -> Result<String, HashingError> {
        self.run(move || password::hash(&password, salt)).await
    }

    /// Whether it is the password. `stored` is `None` when there is no such user: the work is done all the same.
    ///
    /// # Errors
    /// [`HashingError`].
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, HashingError> {
        self.run(move || password::verify(&password, stored.as_deref())).await
    }

    /// Place and permit go with the work: a caller that stops waiting does not free what is still being used.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let overloaded = HashingError::Overloaded { retry_after: RETRY_AFTER };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            metrics::counter!(PASSWORD_HASHES_REFUSED).increment(1);
            overloaded
        })?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| overloaded)?;
        metrics::counter!(PASSWORD_HASHES).increment(1);
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, permit);
            work()
        });
        Ok(done.await.map_err(|_| HashError)??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn blocked(pool: &HashingPool) -> (mpsc::Sender<()>, impl Future<Output = Result<(), HashingError>>) {
        let (release, wait) = mpsc::channel::<()>();
        let pool = pool.clone();
        (release, async move {
            pool.run(move || {
                let _ = wait.recv();
                Ok(())
            })
            .await
        })
    }

    #[tokio::test]
    async fn beyond_the_bound_is_refused_and_a_place_comes_back() {
        let pool = HashingPool::new(1, 1);
        let (first, running) = blocked(&pool);
        let (second, waiting) = blocked(&pool);
        let (_third, refused) = blocked(&pool);
        let mut held = futures::future::join(running, waiting).boxed();
        assert!(futures::poll!(&mut held).is_pending());
        assert_eq!(refused.await, Err(HashingError::Overloaded { retry_after: RETRY_AFTER }));
        drop((first, second));
        assert_eq!(held.await, (Ok(()), Ok(())));
        assert_eq!(pool.run(|| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn a_caller_that_leaves_does_not_free_a_running_thread() {
        let pool = HashingPool::new(1, 0);
        let (release, running) = blocked(&pool);
        let mut running = running.boxed();
        assert!(futures::poll!(&mut running).is_pending());
        drop(running);
        assert!(matches!(pool.run(|| Ok(())).await, Err(HashingError::Overloaded { .. })));
        drop(release);
        let back = pool.places.acquire().await.map(drop);
        assert!(back.is_ok());
    }

    #[tokio::test]
    async fn a_hash_verifies() {
        let pool = HashingPool::new(0, 4);
        let password = Password::chosen("password123").unwrap();
        let salt = Salt::generate(&mut rand::rngs::SysRng).unwrap();
        let stored = pool.hash(password.clone(), salt).await.unwrap();
        let verdict = pool.verify(password.clone(), Some(stored)).await;
        assert_eq!(verdict, Ok(Verdict::Match { needs_rehash: false }));
        assert_eq!(pool.verify(password, None).await, Ok(Verdict::Mismatch));
    }

    #[tokio::test]
    async fn a_failure_is_no_mismatch() {
        let failed = HashingPool::new(1, 1).run::<()>(|| Err(HashError)).await;
        assert_eq!(failed, Err(HashingError::Failed(HashError)));
        assert_eq!(AuthError::from(HashingError::Failed(HashError)), AuthError::Internal);
    }

    use futures::FutureExt;
}
