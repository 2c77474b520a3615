-- Search in knowledge bases: which spaces, what a query costs, candidates by vectors and by words.

CREATE OR REPLACE FUNCTION kb_search_bases(p_user_id uuid, p_kb_ids uuid[])
	RETURNS TABLE (kb_id uuid, chunks bigint, space_id bigint, model_id bigint, model text, dims int, mean bytea)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT k.id, (SELECT coalesce(sum(v.chunks), 0) FROM kb_document d JOIN kb_version v ON v.document_id = d.id AND v.version = d.version
			WHERE d.kb_id = k.id), s.id, s.model_id, s.model, s.dims, s.mean
	FROM unnest(kb_readable(p_user_id, p_kb_ids)) WITH ORDINALITY AS w (id, n) JOIN kb k ON k.id = w.id
		LEFT JOIN kb_space s ON s.kb_id = k.id AND s.state = 'active' AND s.mean IS NOT NULL
	ORDER BY w.n;
$$;
COMMENT ON FUNCTION kb_search_bases(uuid, uuid[]) IS
	'Those of the bases that this user may read: how many chunks are found there, and the space that is searched (NULL: there is none, or nothing in it yet).';

-- ---- what a query costs ----

CREATE OR REPLACE FUNCTION kb_query_open(p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_model_id bigint, p_hold numeric, p_lease_s int,
	p_reason text, p_prices jsonb, p_group text)
	RETURNS TABLE (outcome text, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v task_opened;
BEGIN
	IF EXISTS (SELECT FROM tasks t WHERE t.id = p_task_id AND t.user_id = p_user_id) THEN
		v.outcome := 'ok';
		SELECT u.credits INTO v.balance FROM users u WHERE u.id = p_user_id;
	ELSE
		v := task_open(ROW(p_task_id, p_transaction_id, p_user_id, 'embed', NULL, NULL, p_model_id, p_hold, p_lease_s,
			left(p_reason, 100), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, p_prices, p_group)::task_ask);
	END IF;
	RETURN QUERY SELECT v.outcome, v.balance, credits_held(p_user_id);
END
$$;
COMMENT ON FUNCTION kb_query_open(uuid, uuid, uuid, bigint, numeric, int, text, jsonb, text) IS
	'Holds what a query can cost, as a task that nobody carries: whose process dies before kb_query_end() gets its hold back when the lease ends. outcome as task_open(). Asked again with the same task it answers the same.';

CREATE OR REPLACE FUNCTION kb_query_end(p_task_id uuid, p_user_id uuid, p_model_id bigint, p_outcome text, p_code text, p_tokens int, p_estimated boolean, p_cost numeric,
	p_channel_id bigint, p_latency_ms int, p_request_id text, p_op text, p_prices jsonb, p_group text, p_model text, p_text_hash bytea, p_vector bytea)
	RETURNS TABLE (charged numeric, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v task_ended[];
BEGIN
	-- what costs nothing was not held: its task is here from beginning to end
	IF NOT EXISTS (SELECT FROM tasks t WHERE t.id = p_task_id) THEN
		PERFORM task_open(ROW(p_task_id, NULL, p_user_id, 'embed', NULL, NULL, p_model_id, 0, NULL,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, p_prices, p_group)::task_ask);
	END IF;
	v := tasks_end(NULL, ARRAY[ROW(p_task_id, p_outcome, p_code, p_code, p_tokens, 0, p_estimated, p_cost, NULL,
		p_channel_id, p_latency_ms, NULL, p_request_id, 0, 0, 0, p_op, '{}')::task_end]);
	IF p_vector IS NOT NULL THEN
		INSERT INTO kb_embed_cache (hash, v) VALUES (kb_cache_key(p_model, p_text_hash), p_vector) ON CONFLICT (hash) DO NOTHING;
	END IF;
	RETURN QUERY SELECT v[1].charged, v[1].balance, v[1].held;
END
$$;
COMMENT ON FUNCTION kb_query_end(uuid, uuid, bigint, text, text, int, boolean, numeric, bigint, int, text, text, jsonb, text, text, bytea, bytea) IS
	'Ends the task of a query, once, and keeps its vector (NULL: there is none): asked again it changes nothing and tells the same.';

-- ---- candidates ----

CREATE OR REPLACE FUNCTION kb_search_vectors(p_kb_ids uuid[], p_space_ids bigint[], p_codes varbit[], p_documents uuid[], p_limit int) RETURNS bigint[]
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_all bigint[] := '{}';
	v_some bigint[];
BEGIN
	FOR i IN 1..coalesce(cardinality(p_space_ids), 0) LOOP
		CONTINUE WHEN NOT EXISTS (SELECT FROM kb_space s WHERE s.id = p_space_ids[i] AND s.kb_id = ANY (p_kb_ids) AND s.dims = length(p_codes[i]));
		IF p_documents IS NULL THEN
			v_some := ARRAY(SELECT k.chunk_id FROM kb_code k WHERE k.space_id = p_space_ids[i]
				ORDER BY bit_count(k.code # p_codes[i]) LIMIT p_limit);
		ELSE
			v_some := ARRAY(SELECT k.chunk_id FROM kb_chunk c JOIN kb_code k ON k.chunk_id = c.id AND k.space_id = p_space_ids[i]
				WHERE c.document_id = ANY (p_documents) ORDER BY bit_count(k.code # p_codes[i]) LIMIT p_limit);
		END IF;
		v_all := v_all || v_some;
	END LOOP;
	RETURN v_all;
END
$$;
COMMENT ON FUNCTION kb_search_vectors(uuid[], bigint[], varbit[], uuid[], int) IS
	'The chunks whose codes differ least from that of the query, of each space as many; p_documents NULL: of all.';

CREATE OR REPLACE FUNCTION kb_search_words(p_kb_ids uuid[], p_chunks bigint, p_terms text[], p_documents uuid[], p_gate int, p_most int, p_limit int)
	RETURNS TABLE (chunk_id bigint, lexical float8, idf_total float8)
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_base tsquery;
	v_any tsquery;
	v_terms tsquery[];
	v_idf float8[];
	v_total float8;
	-- a word that comes once in a chunk has this rank; ts_rank grows with its number as BM25 does, to 1.64 times
	v_once CONSTANT float8 := 0.0607927;
BEGIN
	IF coalesce(cardinality(p_terms), 0) = 0 OR coalesce(cardinality(p_kb_ids), 0) = 0 THEN
		RETURN;
	END IF;
	SELECT string_agg(quote_literal(kb_lexeme(w.id)), ' | ')::tsquery INTO v_base FROM unnest(p_kb_ids) AS w (id);
	IF p_chunks > p_gate THEN
		-- of each term, in how many chunks it is likely; those that are found by its rarest ones, until they are enough
		WITH known AS (
			SELECT f.word, f.share FROM pg_stats s, LATERAL unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS f (word, share)
			WHERE s.schemaname = 'public' AND s.tablename = 'kb_chunk' AND s.attname = 'tsv' AND f.word IS NOT NULL
		), term AS (
			SELECT t.q, t.n, coalesce(k.share, 0) * p_chunks AS df
			FROM (SELECT x.term::tsquery AS q, x.n, (SELECT l.lexeme FROM unnest(x.term::tsvector) AS l LIMIT 1) AS word
				FROM unnest(p_terms) WITH ORDINALITY AS x (term, n)) AS t LEFT JOIN known k ON k.word = t.word
		), rare AS (
			SELECT term.*, row_number() OVER (ORDER BY term.df, term.n) AS place FROM term
		), summed AS (
			SELECT rare.*, coalesce(sum(rare.df) OVER (ORDER BY rare.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
			FROM rare WHERE rare.place <= p_most
		)
		SELECT array_agg(s.q ORDER BY s.place), array_agg(ln(1 + (p_chunks - s.df + 0.5) / (s.df + 0.5)) ORDER BY s.place),
			string_agg(s.q::text, ' | ') FILTER (WHERE s.before < p_gate)::tsquery
		INTO v_terms, v_idf, v_any FROM summed s;
	ELSE
		v_terms := ARRAY(SELECT x.term::tsquery FROM unnest(p_terms) WITH ORDINALITY AS x (term, n) ORDER BY x.n LIMIT p_most);
		SELECT string_agg(q::text, ' | ')::tsquery INTO v_any FROM unnest(v_terms) AS q;
	END IF;
	RETURN QUERY
	WITH found AS MATERIALIZED (
		SELECT c.id, greatest(c.ntok, 1) AS ntok, c.tsv FROM kb_chunk c JOIN kb_document d ON d.id = c.document_id AND d.version = c.version
		WHERE c.tsv @@ (v_base && v_any) AND c.kb_id = ANY (p_kb_ids) AND (p_documents IS NULL OR c.document_id = ANY (p_documents))
	), ranked AS MATERIALIZED (
		SELECT f.id, f.ntok, t.n, ts_rank(f.tsv, t.q) / v_once AS times FROM found f CROSS JOIN unnest(v_terms) WITH ORDINALITY AS t (q, n)
		WHERE f.tsv @@ t.q
	), weight AS MATERIALIZED (
		SELECT t.n, CASE WHEN v_idf IS NOT NULL THEN v_idf[t.n]
			ELSE ln(1 + (greatest(p_chunks, r.df) - r.df + 0.5) / (r.df + 0.5)) END AS idf
		FROM generate_series(1, cardinality(v_terms)) AS t (n) CROSS JOIN LATERAL (SELECT count(*) AS df FROM ranked WHERE ranked.n = t.n) AS r
	), usual AS (
		SELECT 1 + ln(avg(f.ntok)::float8) AS length FROM found f
	)
	SELECT r.id, sum(w.idf * r.times * u.length / (1 + ln(r.ntok::float8)))::float8, (SELECT sum(weight.idf) FROM weight)::float8
	FROM ranked r JOIN weight w ON w.n = r.n CROSS JOIN usual u
	GROUP BY r.id ORDER BY 2 DESC, 1 LIMIT p_limit;
	IF NOT FOUND THEN -- none of the words is there: they still count against whatever the vectors find
		RETURN QUERY SELECT NULL::bigint, 0::float8, (cardinality(v_terms) * ln(1 + (p_chunks + 0.5) / 0.5))::float8;
	END IF;
END
$$;
COMMENT ON FUNCTION kb_search_words(uuid[], bigint, text[], uuid[], int, int, int) IS
	'The chunks in which words of a query are, by the sum of idf times ts_rank of each: BM25 without a table of its own. p_terms: each as a tsquery of one word. In more than p_gate chunks (p_chunks: of all bases) those are looked at that have the rarest of the words; fewer are counted exactly. idf_total: of all words, whether they are there or not.';

CREATE OR REPLACE FUNCTION kb_search(p_user_id uuid, p_kb_ids uuid[], p_space_ids bigint[], p_codes varbit[], p_terms text[], p_chunks bigint, p_documents uuid[],
	p_candidates int, p_worded int, p_gate int, p_most int)
	RETURNS TABLE (chunk_id bigint, document_id uuid, ord int, ntok int, space_id bigint, v bytea, by_vector boolean, lexical float8, idf_total float8)
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_kb_ids uuid[] := kb_readable(p_user_id, p_kb_ids);
	v_near bigint[] := kb_search_vectors(v_kb_ids, p_space_ids, p_codes, p_documents, p_candidates);
	v_worded bigint[];
	v_lexical float8[];
	v_idf_total float8;
BEGIN
	SELECT array_agg(w.chunk_id), array_agg(w.lexical), max(w.idf_total) INTO v_worded, v_lexical, v_idf_total
	FROM kb_search_words(v_kb_ids, p_chunks, p_terms, p_documents, p_gate, p_most, p_worded) AS w;
	RETURN QUERY
	SELECT c.id, c.document_id, c.ord, c.ntok, e.space_id, e.v, u.near, u.lexical, v_idf_total
	FROM (SELECT w.id, bool_or(w.near) AS near, max(w.lexical) AS lexical
			FROM (SELECT n.id, true AS near, 0::float8 AS lexical FROM unnest(v_near) AS n (id)
				UNION ALL SELECT l.id, false, l.lexical FROM unnest(v_worded, v_lexical) AS l (id, lexical) WHERE l.id IS NOT NULL) AS w
			GROUP BY w.id) AS u
		JOIN kb_chunk c ON c.id = u.id
		JOIN kb_document d ON d.id = c.document_id AND d.version = c.version
		LEFT JOIN kb_vec e ON e.chunk_id = c.id AND e.space_id = ANY (p_space_ids)
	WHERE c.kb_id = ANY (v_kb_ids);
END
$$;
COMMENT ON FUNCTION kb_search(uuid, uuid[], bigint[], varbit[], text[], bigint, uuid[], int, int, int, int) IS
	'Candidates of both legs in bases that the user may read, with the vectors to put them in order: of the p_candidates nearest codes of each space, and of the p_worded best by words. Only what is shown of a document is found, not its other versions.';

CREATE OR REPLACE FUNCTION kb_search_texts(p_user_id uuid, p_chunk_ids bigint[])
	RETURNS TABLE (chunk_id bigint, kb_id uuid, document_id uuid, version int, title text, page_from int, page_to int, c0 int, c1 int, heading text, body text)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT c.id, c.kb_id, c.document_id, c.version, v.title, c.page_from, c.page_to, c.c0, c.c1, c.heading, c.body
	FROM unnest(p_chunk_ids) WITH ORDINALITY AS w (id, n) JOIN kb_chunk c ON c.id = w.id
		JOIN kb_version v ON v.document_id = c.document_id AND v.version = c.version
	WHERE kb_may_read(c.kb_id, p_user_id) ORDER BY w.n;
$$;
COMMENT ON FUNCTION kb_search_texts(uuid, bigint[]) IS 'The texts of chunks that the user may read, in that order.';
