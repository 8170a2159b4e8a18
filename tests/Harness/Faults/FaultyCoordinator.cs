using System.Globalization;
using Sluice.Coordination;

namespace Sluice.Harness.Faults;

/// <summary>
/// Stands between engines and a coordinator and does to requests and replies what networks do: loses, duplicates, delays and reorders them. With the
/// same seed the same decisions, though not the same interleaving of threads.
/// </summary>
internal sealed class FaultyCoordinator(Coordinator inner, FaultPlan plan, int seed) : Coordinator
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly HashSet<Task> _late = [];
    private readonly SortedDictionary<string, long> _counts = [];
    private FaultPlan _plan = plan;

    internal override bool IsEphemeral => inner.IsEphemeral;

    /// <summary>From now on nothing goes wrong any more, except what is already under way.</summary>
    public void Heal()
    {
        lock (_gate)
            _plan = FaultPlan.None;
    }

    /// <summary>Waits until every late copy has arrived.</summary>
    public async Task SettleAsync()
    {
        while (true)
        {
            Task[] late;
            lock (_gate)
                late = [.. _late];
            if (late.Length == 0)
                return;
            await Task.WhenAll(late).ConfigureAwait(false);
        }
    }

    /// <summary>What was done, for evidence: "late 12, lost reply 9, ...".</summary>
    public string Describe()
    {
        lock (_gate)
            return string.Join(", ", _counts.Select(static count => string.Create(CultureInfo.InvariantCulture, $"{count.Key} {count.Value:N0}")));
    }

    internal override async ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        (Fault fault, TimeSpan delay) = Draw();
        switch (fault)
        {
            case Fault.LostRequest:
                throw Unknown("The request was lost.");
            case Fault.Refused:
                throw new CoordinatorException(RequestOutcome.NotApplied, "The coordinator refused the request.");
            case Fault.LateRequest:
                SendLater(space, partition, request, delay);
                throw Unknown("The request is late.");
            case Fault.LostReply:
                await inner.SendAsync(space, partition, request, cancellation).ConfigureAwait(false);
                throw Unknown("The reply was lost.");
            case Fault.Duplicated:
                SendLater(space, partition, request, delay);
                break;
            case Fault.Delayed:
                await Task.Delay(delay, cancellation).ConfigureAwait(false);
                break;
        }

        return await inner.SendAsync(space, partition, request, cancellation).ConfigureAwait(false);
    }

    private static CoordinatorException Unknown(string what) => new(RequestOutcome.Unknown, what);

    private (Fault Fault, TimeSpan Delay) Draw()
    {
        lock (_gate)
        {
            Fault fault = Pick(_random.NextDouble());
            if (fault != Fault.None)
                _counts[fault.ToString()] = _counts.GetValueOrDefault(fault.ToString()) + 1;
            return (fault, _plan.LongestDelay * _random.NextDouble());
        }
    }

    private Fault Pick(double drawn)
    {
        ReadOnlySpan<(double Probability, Fault Fault)> faults =
        [
            (_plan.LoseRequest, Fault.LostRequest), (_plan.LoseReply, Fault.LostReply), (_plan.Late, Fault.LateRequest), (_plan.Refuse, Fault.Refused),
            (_plan.Duplicate, Fault.Duplicated), (_plan.Delay, Fault.Delayed),
        ];
        foreach ((double probability, Fault fault) in faults)
        {
            if (drawn < probability)
                return fault;
            drawn -= probability;
        }

        return Fault.None;
    }

    private void SendLater<TReply>(CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, TimeSpan delay)
    {
        Task? sending = null;
        lock (_gate)
        {
            sending = SendAfterAsync();
            _late.Add(sending);
        }

        _ = sending.ContinueWith(
            done =>
            {
                lock (_gate)
                    _late.Remove(done);
            },
            TaskScheduler.Default);

        async Task SendAfterAsync()
        {
            await Task.Delay(delay).ConfigureAwait(false);
            await inner.SendAsync(space, partition, request, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private enum Fault
    {
        None,
        LostRequest,
        LostReply,
        LateRequest,
        Refused,
        Duplicated,
        Delayed,
    }
}
