using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>What the server may still have of handles that this engine has not, or not any more; and that it does not keep it.</summary>
internal sealed partial class EngineSession
{
    // A page of numbers is 7 KB on the wire.
    private const int NumbersAtOnce = 1000;

    // Numbers about which something is on its way, so that nobody can say whether the server has them. Guarded by the gate. Every number that the server may
    // have is in here, held, or waiting; one that is in none of them and is not above the last never will be again.
    private readonly HashSet<long> _unsettled = [];
    private bool _isLookingForStrangers;

    /// <summary>The next number; unsettled until somebody says otherwise.</summary>
    private long Issue()
    {
        lock (_gate)
        {
            long number = Interlocked.Increment(ref _lastNumber);
            _unsettled.Add(number);
            return number;
        }
    }

    /// <summary>Before it ceases to be held.</summary>
    private void Unsettled(long number)
    {
        lock (_gate)
            _unsettled.Add(number);
    }

    private void Settled(long number)
    {
        lock (_gate)
            _unsettled.Remove(number);
    }

    /// <summary>
    /// An upgrade was given up, and what was asked for must not be granted later: nobody would be the writer, and everybody be kept out. Repeated until it is
    /// answered, or the session is over.
    /// </summary>
    /// <exception cref="LockLostException">The lock was lost.</exception>
    /// <exception cref="CoordinatorException">It will never be answered.</exception>
    public async Task TakeBackUpgradeAsync(HeldLock held, long step)
    {
        ConvertRequest request = new(Id, held.Number, step, LockMode.Upgradeable, Waits: false) { Seen = _client.Seen[Partition] };
        try
        {
            AcquireReply reply = await AskAsync(request, new LockCalls(), new LockDeadline(Clock, Durations.Never), _client.Stopping).ConfigureAwait(false);
            if (reply.Status != AcquireStatus.Granted)
                throw Lost(reply.Status);
        }
        catch (OperationCanceledException)
        {
            // The engine is being stopped: the session ends as a whole.
        }
    }

    /// <summary>The server speaks of a number that is nobody's: it lost that it was released.</summary>
    private bool IsStranger(long number)
    {
        if (!Terms.RunsOut)
            return false;
        lock (_gate)
        {
            if (_isLost || _unsettled.Contains(number))
                return false;
        }

        return HeldOf(number) is null;
    }

    /// <summary>Leaves nothing behind: waits for the answer, but not longer than said for a coordinator that does not answer.</summary>
    /// <returns>What was there; null: not known yet.</returns>
    private async ValueTask<ReleaseStatus?> GiveUpAsync(long number, bool isDoubtful, TimeSpan patience)
    {
        try
        {
            ReleaseRequest request = new(Id, number, isDoubtful) { Seen = _client.Seen[Partition] };
            ReleaseReply reply = await _client.SendAsync(Partition, request, patience, CancellationToken.None).ConfigureAwait(false);
            Settled(number);
            return reply.Status;
        }
        catch (CoordinatorException)
        {
            SettleLater(number, isDoubtful);
            return null;
        }
    }

    /// <summary>Releases a number in the background, until it is answered or the session is over.</summary>
    private void SettleLater(long number, bool isDoubtful)
    {
        if (IsLost)
            return;
        Unsettled(number);
        _ = SettleAsync(number, isDoubtful);
    }

    private async Task SettleAsync(long number, bool isDoubtful)
    {
        try
        {
            for (int attempt = 1; IsGood() && !_client.IsStopping; attempt++)
            {
                try
                {
                    await _client.SendAsync(Partition, new ReleaseRequest(Id, number, isDoubtful) { Seen = _client.Seen[Partition] }, _client.Stopping).ConfigureAwait(false);
                    Settled(number);
                    return;
                }
                catch (CoordinatorException)
                {
                    await Task.Delay(_client.Backoff(attempt), Clock.Time, _client.Stopping).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The engine is being stopped: the session ends as a whole.
        }
    }

    /// <summary>
    /// A push grants to nobody: it is late, or the server lost that the number was given up. Asks which, because a release of what is not there would be remembered
    /// for nothing.
    /// </summary>
    private async Task ReleaseStrangerAsync(long number)
    {
        try
        {
            HandlesReply reply = await _client.SendAsync(Partition, new HandlesRequest(Id, number - 1, 1), _client.Stopping).ConfigureAwait(false);
            if (reply.Numbers.Contains(number) && IsStranger(number))
                SettleLater(number, isDoubtful: true);
        }
        catch (Exception fault) when (fault is CoordinatorException or OperationCanceledException)
        {
            // The next renewal counts it.
        }
    }

    /// <summary>
    /// The server has more handles of this session than anybody here: it went back to before they were released or given up, and would keep them for as long as
    /// the session lives. Asks for all of them, and releases the strangers. One search at a time.
    /// </summary>
    private async Task ReleaseStrangersAsync()
    {
        HashSet<long> known;
        long last;
        lock (_gate)
        {
            if (_isLookingForStrangers || _isLost)
                return;
            _isLookingForStrangers = true;
            known = [.. _unsettled, .. _waiting.Keys];
            for (HeldLock? each = _firstHeld; each is not null; each = each.Next)
                known.Add(each.Number);
            last = Volatile.Read(ref _lastNumber);
        }

        try
        {
            long after = 0;
            bool isUnfinished = true;
            while (isUnfinished && after < last)
            {
                HandlesReply reply = await _client.SendAsync(Partition, new HandlesRequest(Id, after, NumbersAtOnce), _client.Stopping).ConfigureAwait(false);
                foreach (long number in reply.Numbers)
                {
                    if (number <= last && !known.Contains(number))
                        SettleLater(number, isDoubtful: true);
                    after = number;
                }

                isUnfinished = reply.IsUnfinished;
            }
        }
        catch (Exception fault) when (fault is CoordinatorException or OperationCanceledException)
        {
            // The next renewal counts again.
        }
        finally
        {
            lock (_gate)
                _isLookingForStrangers = false;
        }
    }
}
