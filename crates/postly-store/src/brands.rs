//! The brand memory of an author.

use postly_domain::{brand::Brand, id::AuthorId};

use crate::{
    StoreError, Tx,
    sql::{Row, Sql, args},
};

const SET: Sql = Sql::both(
    "UPDATE authors SET brand = $2 WHERE id = $1 AND merged_into_id IS NULL AND erased_at_ms IS NULL",
);

/// Replaces the brand memory of an author.
///
/// # Errors
/// Fails if the database fails.
pub async fn set(tx: &mut Tx, author: &AuthorId, brand: &Brand) -> Result<(), StoreError> {
    let unwritable = |_| StoreError::Unreadable { column: "brand" };
    let text = if brand.is_empty() { None } else { Some(serde_json::to_string(brand).map_err(unwritable)?) };
    tx.execute(SET, args![author, text]).await?;
    Ok(())
}

/// Reads the brand memory from the column `brand` of a row.
pub(crate) fn of(row: &Row) -> Result<Brand, StoreError> {
    let unreadable = |_| StoreError::Unreadable { column: "brand" };
    row.maybe_text("brand")?
        .map_or_else(|| Ok(Brand::default()), |text| serde_json::from_str(&text).map_err(unreadable))
}
