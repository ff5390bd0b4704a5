#!/bin/bash
# postgres.sh WORK DIR - PostgreSQL on DIR's notices.csv and messages.csv, in a cluster of its own on a Unix socket in WORK: prints
# the seconds of the messages' job. It does less than the contract asks: read all, keep the identities durably under a primary key,
# find each reply's case, write one prompt for the last valid reply of each. Setting up the cases is not timed.
# Needs the server's programs (Debian: postgresql); as root it runs them as the user postgres.
set -euo pipefail
work=$1 dir=$2
PGBIN=${PGBIN:-$(pg_config --bindir 2>/dev/null || ls -d /usr/lib/postgresql/*/bin | tail -1)}
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
q() { as "$PGBIN/psql" -h "$work/sock" -p 5499 -d postgres -X -q -v ON_ERROR_STOP=1 "$@"; }
mkdir -p "$work/sock"
if [ "$(id -u)" = 0 ]; then chown -R postgres "$work"; fi
as "$PGBIN/initdb" -D "$work/pg" -A trust --locale=C -E UTF8 >/dev/null
as tee -a "$work/pg/postgresql.conf" >/dev/null <<C
listen_addresses = ''
unix_socket_directories = '$work/sock'
port = 5499
shared_buffers = 2GB
work_mem = 512MB
maintenance_work_mem = 512MB
max_wal_size = 16GB
wal_level = minimal
max_wal_senders = 0
jit = off
C
as "$PGBIN/pg_ctl" -D "$work/pg" -l "$work/pg/log" -w start >/dev/null
trap 'as "$PGBIN/pg_ctl" -D "$work/pg" -m immediate -w stop >/dev/null' EXIT
q -c "CREATE UNLOGGED TABLE n(notice_id text, registered_at timestamptz, msisdn text, mother_iin text, birth_date text, sex text,
        child_order text, region text, account text, hospital text)" -c "COPY n FROM STDIN (FORMAT csv, HEADER)" <"$dir/notices.csv"
q <<'S'
CREATE TABLE cases AS SELECT msisdn AS phone, (row_number() OVER (PARTITION BY msisdn ORDER BY registered_at, notice_id))::text AS slot FROM n;
ALTER TABLE cases ADD PRIMARY KEY (phone, slot);
CREATE TABLE prompts(k text PRIMARY KEY, step text, body text);
INSERT INTO prompts SELECT k, step, step || ': R ' FROM (VALUES ('', 'name'), ('n', 'education'), ('2', 'income'), ('3', 'office'), ('4', 'filed')) v(k, step);
CREATE TABLE messages(operator text, message_id text, at timestamptz, phone text, short_code text, text text, PRIMARY KEY (operator, message_id));
CREATE UNLOGGED TABLE stage(operator text, message_id text, received_at text, msisdn text, short_code text, text text);
VACUUM ANALYZE cases, prompts;
CHECKPOINT;
S
began=$(date +%s%N)
q -c "COPY stage FROM STDIN (FORMAT csv, HEADER)" <"$dir/messages.csv"
q >"$work/outbound.csv" <<'S'
INSERT INTO messages SELECT operator, message_id, received_at::timestamptz,
    CASE WHEN length(msisdn) = 11 AND left(msisdn, 1) = '7' THEN msisdn ELSE '7' || right(regexp_replace(msisdn, '[^0-9]', '', 'g'), 10) END,
    short_code, text FROM stage ON CONFLICT DO NOTHING;
ANALYZE messages;
CREATE UNLOGGED TABLE replies AS SELECT operator, message_id, at, phone, substr(text, 3, 1) AS s, substr(text, 5, 1) AS l,
    CASE WHEN length(text) = 5 THEN '' WHEN text ~ '^R [1-9] [12] [2-8]( [0-9])+' THEN substr(text, 7, 1) ELSE 'n' END AS k
    FROM messages WHERE text ~ '^R [1-9] [12]( [0-9]){0,6}( .+)?$';
ANALYZE replies;
SET enable_nestloop = off;
COPY (SELECT DISTINCT ON (v.phone, v.s) left(md5(operator || ',' || message_id), 16), v.phone, p.step, l, p.body || v.s
      FROM replies v JOIN cases c ON c.phone = v.phone AND c.slot = v.s JOIN prompts p ON p.k = v.k ORDER BY v.phone, v.s, at DESC)
    TO STDOUT (FORMAT csv, HEADER);
S
sync "$work/outbound.csv"
echo "$(($(date +%s%N) - began))" | awk '{printf "seconds=%.3f\n", $1 / 1e9}'
