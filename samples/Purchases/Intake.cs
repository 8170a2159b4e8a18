namespace Sluice.Samples.Purchases;

/// <summary>
/// What both consumers do with a delivery: merge it, and keep its receipt until the coordinator has everything up to it. Then no crash of this process can lose it, and its broker may forget it; not earlier.
/// </summary>
/// <remarks>
/// <para>Places in the source are this process's own count of deliveries, because positions may go back: what a dead consumer left is delivered behind newer events.</para>
/// <para><see cref="OnFenced.Resend"/>, although the broker delivers to others what a process that was away has not acknowledged: whoever counts by identity may count an event twice. Nothing has to be given back,
/// and nothing that was merged is dropped.</para>
/// <para>Belongs to one consumer, which calls one method at a time.</para>
/// </remarks>
/// <typeparam name="TReceipt">What the broker wants to have for an acknowledgement.</typeparam>
internal sealed class Intake<TReceipt>(ISluiceEngine engine, IAggregator<string, CustomerSpending, CustomerSpending.Event> spending, LossGuard guard, string source) : IDisposable
{
    private readonly EventSource _source = engine.OpenSource(source, AckMode.AfterFlush, OnFenced.Resend, start: 1);
    private readonly Queue<(long Place, TReceipt Receipt)> _inFlight = new();
    private long _place;

    /// <summary>Deliveries that the broker has to keep.</summary>
    public int InFlight => _inFlight.Count;

    /// <summary>The oldest of them.</summary>
    public bool TryPeekOldest(out TReceipt? receipt)
    {
        bool any = _inFlight.TryPeek(out (long Place, TReceipt Receipt) oldest);
        receipt = oldest.Receipt;
        return any;
    }

    /// <summary>Merges a delivery.</summary>
    /// <param name="purchase">What was delivered.</param>
    /// <param name="receipt">For its acknowledgement.</param>
    /// <param name="settled">Up to which position nothing of the source comes again.</param>
    public async ValueTask MergeAsync(Purchase purchase, TReceipt receipt, long settled)
    {
        await spending.MergeAsync(purchase.Customer, new CustomerSpending.Event { Purchases = CountedPurchases.Of(purchase), Settled = settled }, _source.At(++_place));
        _source.Advance(_place);
        _inFlight.Enqueue((_place, receipt));
    }

    /// <summary>Makes everything that was merged acknowledgeable at once, instead of at the next flush: when the broker delivers nothing before it has acknowledgements, or at the end.</summary>
    public ValueTask FlushAsync(CancellationToken cancellation) => engine.FlushAsync(cancellation);

    /// <summary>Keeps the receipt of a delivery that has nothing to merge.</summary>
    public void Skip(TReceipt receipt)
    {
        _source.Advance(++_place);
        _inFlight.Enqueue((_place, receipt));
    }

    /// <summary>Acknowledges up to the watermark. A receipt is kept until that has succeeded.</summary>
    /// <param name="acknowledge">Gets the receipts in the order of the deliveries; not called without any.</param>
    public async Task AcknowledgeAsync(Func<IReadOnlyList<TReceipt>, Task> acknowledge)
    {
        long watermark = _source.Watermark;
        TReceipt[] done = guard.HasLost ? [] : [.. _inFlight.TakeWhile(delivery => delivery.Place <= watermark).Select(static delivery => delivery.Receipt)];
        if (done.Length == 0)
            return;
        await acknowledge(done);
        for (int i = 0; i < done.Length; i++)
            _inFlight.Dequeue();
    }

    /// <summary>Ends the source; what was merged is flushed all the same.</summary>
    public void Dispose() => _source.Dispose();
}
