//! `[files]`: where uploads lie.

use super::settings::{Secret, SettingError, section};
use std::path::PathBuf;

section! {
    /// Uploads.
    pub struct Files = "files" {
        /// Where uploads lie: a folder of this machine (folder) or a service that speaks the protocol of S3 (s3).
        store: String = "folder".to_owned(), "folder or s3";
        /// The folder; empty means a folder beside the data.
        folder: PathBuf = PathBuf::new(), "path";
        /// Bucket at the service.
        s3_bucket: String = String::new(), "name";
        /// Region of the bucket.
        s3_region: String = "us-east-1".to_owned(), "name";
        /// Address of the service; empty means Amazon's.
        s3_endpoint: String = String::new(), "URL";
        /// Id of the key that opens the bucket.
        s3_key_id: String = String::new(), "id";
        /// The key that opens the bucket.
        s3_key: Secret = Secret::default(), "text";
    }
}

impl Files {
    /// What concerns more than one key.
    pub(super) fn check_store(&self, problems: &mut Vec<SettingError>) {
        let mut wrong = |key: &str, problem: &str| {
            problems.push(SettingError { key: format!("files.{key}"), problem: problem.to_owned() });
        };
        match self.store.as_str() {
            "folder" => {}
            "s3" => {
                for (key, is_empty) in [
                    ("s3_bucket", self.s3_bucket.is_empty()),
                    ("s3_region", self.s3_region.is_empty()),
                    ("s3_key_id", self.s3_key_id.is_empty()),
                    ("s3_key", self.s3_key.is_empty()),
                ] {
                    if is_empty {
                        wrong(key, "is empty although files.store is s3");
                    }
                }
                let endpoint = &self.s3_endpoint;
                if !endpoint.is_empty() && !reqwest::Url::parse(endpoint).is_ok_and(|url| url.has_host()) {
                    wrong("s3_endpoint", "this is no URL");
                }
            }
            _ => wrong("store", "is neither folder nor s3"),
        }
    }
}
