namespace Sluice.Samples.Purchases;

/// <summary>What a customer has bought since the last write to the database.</summary>
[Aggregate("customer-spending")]
public partial class CustomerSpending
{
    [Key]
    public partial string Customer { get; }

    /// <summary>The purchases themselves, each once. That is what makes totals exact, and what it costs: some bytes each, for as long as the session is open.</summary>
    [Opaque]
    public partial CountedPurchases Purchases { get; }

    /// <summary>
    /// Up to this position every purchase of the source had been acknowledged when one of these was merged, so that none of them comes again. The database forgets positions by it.
    /// </summary>
    [Max]
    public partial long Settled { get; }

    /// <summary>How many deliveries there were: what would have been counted by a field that only adds.</summary>
    [Count]
    public partial long Deliveries { get; }
}
