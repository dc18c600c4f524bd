{% import 'parts.sql' as parts with context %}
-- One row a user who owns a deal, in the region of most of that user's deals.
SELECT u.id AS rep_id, u.name, coalesce(most.region, 'No region') AS region
FROM "user" u
LEFT JOIN (
  SELECT n.user_id, n.region, row_number() OVER (PARTITION BY n.user_id ORDER BY n.deals DESC, n.region) AS place FROM (
    SELECT d.user_id, {{ parts.region_of() }} AS region, count(*) AS deals
    FROM deal d{{ ' LEFT JOIN organization g ON g.id = d.org_id' if has.organization }}
    GROUP BY 1, 2
  ) n WHERE n.region IS NOT NULL
) most ON most.user_id = u.id AND most.place = 1
WHERE u.id IN (SELECT z.user_id FROM deal z)
