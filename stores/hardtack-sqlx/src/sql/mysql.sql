-- The statements for MariaDB and MySQL. The name of the table is replaced if the site has another one.
-- Each parameter stands once, in the order of the text.
--
-- `until` is the end of a row by the database's own clock in seconds: the clocks of the site's instances do not count.
-- It is rounded up to the hour, so that most writes change no index.

-- name: create
CREATE TABLE IF NOT EXISTS hardtack_session (
    id BINARY(16) PRIMARY KEY,
    tag VARBINARY(24) NOT NULL,
    record MEDIUMBLOB,
    until BIGINT NOT NULL,
    owner BINARY(16),
    about BLOB,
    INDEX hardtack_session_until (until),
    INDEX hardtack_session_owner (owner)
) ENGINE = InnoDB

-- name: load
-- id -> tag, record, seconds left
SELECT tag, record, until - CAST(UNIX_TIMESTAMP() AS SIGNED)
FROM hardtack_session
WHERE id = ?

-- name: keep
-- life, id
UPDATE hardtack_session
SET until = GREATEST(until, (CAST(UNIX_TIMESTAMP() AS SIGNED) + ? + 3599) DIV 3600 * 3600)
WHERE id = ? AND record IS NOT NULL

-- name: insert
-- tag, record, life, owner, about, id
INSERT INTO hardtack_session (tag, record, until, owner, about, id)
VALUES (?, ?, (CAST(UNIX_TIMESTAMP() AS SIGNED) + ? + 3599) DIV 3600 * 3600, ?, ?, ?)

-- name: swap
-- tag, record, life, owner or NULL, about or NULL, id, expected tag
-- No tombstone is as long as a tag.
UPDATE hardtack_session
SET tag = ?,
    record = ?,
    until = GREATEST(until, (CAST(UNIX_TIMESTAMP() AS SIGNED) + ? + 3599) DIV 3600 * 3600),
    owner = COALESCE(?, owner),
    about = COALESCE(?, about)
WHERE id = ? AND tag = ?

-- name: end
-- tombstone, grace, id, expected tag or NULL
UPDATE hardtack_session
SET tag = ?,
    record = NULL,
    until = (CAST(UNIX_TIMESTAMP() AS SIGNED) + ? + 3599) DIV 3600 * 3600,
    owner = NULL,
    about = NULL
WHERE id = ? AND tag = COALESCE(?, tag) AND record IS NOT NULL

-- name: leave
-- tombstone, grace, id
INSERT INTO hardtack_session (tag, until, id)
VALUES (?, (CAST(UNIX_TIMESTAMP() AS SIGNED) + ? + 3599) DIV 3600 * 3600, ?)

-- name: list
-- owner -> id, about, until
-- A tombstone has no owner. What is over counts until a sweep, as for `load`: a clock that is wrong hides nobody.
SELECT id, about, until
FROM hardtack_session
WHERE owner = ?
ORDER BY until DESC
LIMIT 100000

-- name: surplus
-- owner, id of the record that stays, number of those that stay -> id, about, until
SELECT id, about, until
FROM hardtack_session
WHERE owner = ? AND id <> ?
ORDER BY until DESC
LIMIT 100000 OFFSET ?

-- name: sweep
-- limit
DELETE FROM hardtack_session
WHERE until <= CAST(UNIX_TIMESTAMP() AS SIGNED)
ORDER BY until
LIMIT ?

-- name: begin
BEGIN

-- name: commit
COMMIT

-- name: rollback
ROLLBACK
