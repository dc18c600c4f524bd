{% import 'parts.sql' as parts with context %}
{% set won = "lower(o.statecode) IN ('1', 'won')" %}
{% set lost = "lower(o.statecode) IN ('2', 'lost')" %}
-- One row an opportunity. Dataverse writes its state as 0 (open), 1 (won) or 2 (lost), or in words.
SELECT o.opportunityid AS opportunity_id,
{% if has.account and has.account.masterid %}
       CASE WHEN a.merged THEN a.masterid ELSE o.accountid END AS customer_id,
{% else %}
       o.accountid AS customer_id,
{% endif %}
       o.ownerid AS rep_id, coalesce({% if has.opportunity.region %}o.region, {% endif %}{{ parts.region_of() }}, 'No region') AS region,
{% if has.account.industrycode %}
       a.industrycode AS segment,
{% endif %}
{% if has.opportunity.channel %}
       o.channel AS channel,
{% endif %}
{% if has.opportunity.name %}
       o.name AS name,
{% endif %}
{% if has.opportunity.closeprobability %}
       CASE WHEN o.closeprobability BETWEEN 0 AND 100 THEN o.closeprobability / 100 END AS probability,
{% endif %}
{% if has.opportunity.forecastcategory %}
       CAST(o.forecastcategory AS VARCHAR) AS forecast_category,
{% endif %}
{% if has.opportunity.competitor %}
       o.competitor AS competitor,
{% endif %}
       CAST(o.createdon AS DATE) AS opened_on, CASE WHEN {{ won }} OR {{ lost }} THEN CAST(o.actualclosedate AS DATE) END AS closed_on,
       CAST(coalesce(o.actualclosedate, o.estimatedclosedate) AS DATE) AS expected_close,
       coalesce({% if has.opportunity.stepname %}o.stepname, {% endif %}CASE WHEN {{ won }} THEN 'Won' WHEN {{ lost }} THEN 'Lost' ELSE 'Open' END) AS stage,
{% if has.opportunity.statuscode %}
       CASE WHEN {{ lost }} THEN o.statuscode END AS loss_reason,
{% endif %}
       CASE WHEN {{ won }} THEN coalesce(CAST(o.actualvalue AS DOUBLE), CAST(o.estimatedvalue AS DOUBLE)) ELSE CAST(o.estimatedvalue AS DOUBLE) END AS amount,
       CASE WHEN {{ won }} THEN 'won' WHEN {{ lost }} THEN 'lost' ELSE 'open' END AS status
FROM opportunity o
{{ parts.joins('o.accountid', 'o.ownerid', true) -}}
