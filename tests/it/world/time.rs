//! Coming to rest, and letting time pass.

use super::*;

impl World {
    /// The present instant, of product and platform.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits, without moving the clock, until nothing more happens by itself.
    pub(crate) async fn settle(&self) {
        let rest = tokio::time::timeout(SETTLE_DEADLINE, self.come_to_rest()).await;
        assert!(rest.is_ok(), "the installation does not come to rest: {:?}", self.app.users.stats());
    }

    async fn come_to_rest(&self) {
        let mut watches: Vec<_> =
            self.tenants.iter().map(|tenant| self.app.users.watch(tenant.workspace).unwrap()).collect();
        loop {
            self.post("wait", json!({"deliveries_idle": true, "quiet_ms": 0, "timeout_s": 60})).await;
            if self.is_idle().await && self.is_delivered().await {
                // What was under way between the two looks shows in a second one.
                tokio::task::yield_now().await;
                if self.is_idle().await && self.is_delivered().await {
                    return;
                }
            }
            let changes: Vec<_> = watches.iter_mut().map(|watch| Box::pin(watch.changed())).collect();
            if tokio::time::timeout(LOOK_AGAIN, futures::future::select_all(changes)).await.is_err() {
                // Ticks of an entity that stays due are a moment apart.
                if self.is_due().await {
                    self.clock.advance(Duration::from_millis(1));
                }
            }
        }
    }

    /// Waits until the product has nothing more to do, whatever the platform still has to deliver.
    pub(crate) async fn rest_of_product(&self) {
        let mut watch = self.app.users.watch(BAKERY.workspace).unwrap();
        while !self.is_idle().await {
            let _ = tokio::time::timeout(LOOK_AGAIN, watch.changed()).await;
            if self.is_due().await {
                self.clock.advance(Duration::from_millis(1));
            }
        }
    }

    /// Waits until the platform has tried to deliver what contains `part` so many times; false when it does not.
    pub(crate) async fn sandbox_attempts(&self, part: &str, attempts: u64) -> bool {
        let tried = async {
            loop {
                let deliveries = self.get("deliveries?limit=1000").await;
                let records = deliveries["data"].as_array().unwrap();
                let tries: u64 = records
                    .iter()
                    .filter(|one| one["updates"].to_string().contains(part))
                    .map(|one| one["attempts"].as_u64().unwrap())
                    .sum();
                if tries >= attempts {
                    return;
                }
                let _ = tokio::time::timeout(LOOK_AGAIN, std::future::pending::<()>()).await;
            }
        };
        tokio::time::timeout(SETTLE_DEADLINE, tried).await.is_ok()
    }

    async fn is_delivered(&self) -> bool {
        let state = self.get("deliveries?limit=1").await;
        state["pending"] == 0
    }

    async fn is_idle(&self) -> bool {
        for tenant in &self.tenants {
            let state = self.state(*tenant).await;
            if state.is_busy() {
                return false;
            }
        }
        let stats = self.app.users.stats();
        stats.commands == 0 && stats.effects == 0 && !self.is_due().await
    }

    async fn is_due(&self) -> bool {
        self.next_due().await.is_some_and(|due| due <= self.now())
    }

    async fn next_due(&self) -> Option<Timestamp> {
        let mut next = None;
        for tenant in &self.tenants {
            next = next.into_iter().chain(self.state(*tenant).await.next_due()).min();
        }
        next
    }

    /// Lets time pass, stopping wherever something is due.
    pub(crate) async fn pass(&self, span: Duration) {
        let end = self.now() + span;
        loop {
            self.settle().await;
            if self.now() >= end {
                return;
            }
            self.clock.advance_to(self.next_due().await.map_or(end, |due| due.min(end)));
        }
    }

    /// Lets time pass until the outboxes are empty; fails when they are not within `at_most`.
    pub(crate) async fn drain(&self, at_most: Duration) {
        self.drain_in_strides(Duration::ZERO, at_most).await;
    }

    /// The same, in steps of at least `stride`: fewer looks where much is to be sent.
    pub(crate) async fn drain_in_strides(&self, stride: Duration, at_most: Duration) {
        let end = self.now() + at_most;
        loop {
            self.settle().await;
            let mut open = 0;
            for tenant in &self.tenants {
                open += self.state(*tenant).await.outbox.open();
            }
            if open == 0 {
                return;
            }
            assert!(self.now() < end, "{open} messages are still open after {at_most:?}");
            let next = self.next_due().await.unwrap_or(end).max(self.now() + stride);
            self.clock.advance_to(next);
        }
    }
}
