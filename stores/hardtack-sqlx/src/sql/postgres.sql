-- The statements for PostgreSQL. The name of the table is replaced if the site has another one.
-- Each parameter stands once, in the order of the text.
--
-- `until` is the end of a row by the database's own clock in seconds: the clocks of the site's instances do not count.
-- It is rounded up to the hour, so that most writes change no index.

-- name: create
CREATE TABLE IF NOT EXISTS hardtack_session (
    id BYTEA PRIMARY KEY,
    tag BYTEA NOT NULL,
    record BYTEA,
    until BIGINT NOT NULL,
    owner BYTEA,
    about BYTEA
);
CREATE INDEX IF NOT EXISTS hardtack_session_until ON hardtack_session (until);
CREATE INDEX IF NOT EXISTS hardtack_session_owner ON hardtack_session (owner) WHERE owner IS NOT NULL;

-- name: load
-- id -> tag, record, seconds left
SELECT tag, record, until - CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)
FROM hardtack_session
WHERE id = $1

-- name: keep
-- life, id
UPDATE hardtack_session
SET until = GREATEST(until, (CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) + $1 + 3599) / 3600 * 3600)
WHERE id = $2 AND record IS NOT NULL

-- name: insert
-- tag, record, life, owner, about, id
-- If the key is taken it does nothing: PostgreSQL would log an error with the key.
INSERT INTO hardtack_session (tag, record, until, owner, about, id)
VALUES ($1, $2, (CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) + $3 + 3599) / 3600 * 3600, $4, $5, $6)
ON CONFLICT (id) DO NOTHING

-- name: swap
-- tag, record, life, owner or NULL, about or NULL, id, expected tag
-- No tombstone is as long as a tag.
UPDATE hardtack_session
SET tag = $1,
    record = $2,
    until = GREATEST(until, (CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) + $3 + 3599) / 3600 * 3600),
    owner = COALESCE($4, owner),
    about = COALESCE($5, about)
WHERE id = $6 AND tag = $7

-- name: end
-- tombstone, grace, id, expected tag or NULL
UPDATE hardtack_session
SET tag = $1,
    record = NULL,
    until = (CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) + $2 + 3599) / 3600 * 3600,
    owner = NULL,
    about = NULL
WHERE id = $3 AND tag = COALESCE($4, tag) AND record IS NOT NULL

-- name: leave
-- tombstone, grace, id
INSERT INTO hardtack_session (tag, until, id)
VALUES ($1, (CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) + $2 + 3599) / 3600 * 3600, $3)
ON CONFLICT (id) DO NOTHING

-- name: list
-- owner -> id, about, until
-- A tombstone has no owner. What is over counts until a sweep, as for `load`: a clock that is wrong hides nobody.
SELECT id, about, until
FROM hardtack_session
WHERE owner = $1
ORDER BY until DESC
LIMIT 100000

-- name: surplus
-- owner, id of the record that stays, number of those that stay -> id, about, until
SELECT id, about, until
FROM hardtack_session
WHERE owner = $1 AND id <> $2
ORDER BY until DESC
LIMIT 100000 OFFSET $3

-- name: sweep
-- limit
DELETE FROM hardtack_session
WHERE id IN (
    SELECT id
    FROM hardtack_session
    WHERE until <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)
    ORDER BY until
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)

-- name: begin
BEGIN

-- name: commit
COMMIT

-- name: rollback
ROLLBACK
