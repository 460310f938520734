//! Our business numbers in readable form, for links that open a conversation with us.

use postly_domain::Provider;

use crate::{
    StoreError, Tx,
    sql::{Sql, args},
};

const NOTE: Sql = Sql::both(
    "INSERT INTO business_numbers (provider, business, number) VALUES ($1, $2, $3) \
     ON CONFLICT (provider, business) DO UPDATE SET number = excluded.number",
);

/// Records the number that a provider calls by this name.
///
/// # Errors
/// Fails if the database fails.
pub async fn note(tx: &mut Tx, provider: Provider, business: &str, number: &str) -> Result<(), StoreError> {
    tx.execute(NOTE, args![provider, business, number]).await?;
    Ok(())
}

const FIND: Sql = Sql::both("SELECT number FROM business_numbers WHERE provider = $1 AND business = $2");

/// Returns the number that a provider calls by this name, once a message to it has come.
///
/// # Errors
/// Fails if the database fails.
pub async fn find(tx: &mut Tx, provider: Provider, business: &str) -> Result<Option<String>, StoreError> {
    tx.maybe_one(FIND, args![provider, business]).await?.map(|row| row.text("number")).transpose()
}
