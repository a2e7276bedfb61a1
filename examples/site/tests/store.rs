//! Where a site keeps its sessions.

pub enum Store {
    Cookie,
    Memory,
    /// In a directory that goes with the test.
    #[cfg(feature = "stores")]
    Sqlite(tempfile::TempDir),
}

impl Store {
    #[cfg(feature = "stores")]
    pub fn sqlite() -> crate::instance::Result<Store> {
        Ok(Store::Sqlite(tempfile::tempdir()?))
    }

    /// Returns the arguments of the site.
    pub fn arguments(&self) -> Vec<String> {
        match self {
            Store::Cookie => vec![],
            Store::Memory => vec!["--store".into(), "memory".into()],
            #[cfg(feature = "stores")]
            Store::Sqlite(directory) => {
                let file = directory.path().join("sessions.db");
                vec!["--store".into(), format!("sqlite://{}", file.display())]
            }
        }
    }
}
