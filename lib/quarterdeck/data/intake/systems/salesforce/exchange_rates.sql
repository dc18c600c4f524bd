-- Salesforce holds how much of a currency one unit of the corporate currency is; the contract wants the other way round.
SELECT r.iso_code AS currency, CAST(r.start_date AS DATE) AS valid_from, 1 / CAST(r.conversion_rate AS DOUBLE) AS rate
FROM dated_conversion_rate r
WHERE CAST(r.conversion_rate AS DOUBLE) > 0
