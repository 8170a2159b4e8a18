using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>Connections of which each serves one caller at a time: opened when they are needed, kept afterwards, as many as the options allow.</summary>
/// <remarks>Any thread.</remarks>
internal sealed class BlockingLinks(ClientLinks factory, int most)
{
    private readonly Lock _gate = new();
    private readonly Stack<RespLink> _idle = new();
    private readonly Dictionary<RespLink, HelloHandshake> _all = [];
    private readonly HashSet<Task> _ending = [];
    private bool _closed;

    /// <summary>How many are in use, and how many wait for it.</summary>
    public (int Used, int Idle) Counts
    {
        get
        {
            lock (_gate)
                return (_all.Count - _idle.Count, _idle.Count);
        }
    }

    /// <summary>A connection for one caller; null when as many as allowed are in use, or the client is closed.</summary>
    public RespLink? TryTake()
    {
        lock (_gate)
        {
            if (_closed)
                return null;
            if (_idle.TryPop(out RespLink? link))
                return link;
            if (_all.Count >= most)
                return null;
            ClientLink made = factory.ForBlocking();
            _all.Add(made.Link, made.Handshake);
            return made.Link;
        }
    }

    /// <summary>Takes a connection back that is in the state in which it was given away.</summary>
    public void GiveBack(RespLink link)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            // Credentials that changed while it was in use, or was greeted.
            if (_all[link].IsStale)
            {
                Discard(link);
                return;
            }

            _idle.Push(link);
        }
    }

    /// <summary>Ends a connection whose state is not known: a reply is still to come, or keys are watched. Closing it ends the command on the server too.</summary>
    public void Discard(RespLink link)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _all.Remove(link);
            Task ending = link.DisposeAsync().AsTask();
            _ending.Add(ending);
            _ = ending.ContinueWith(Ended, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>Ends those that nobody uses: the next ones greet anew.</summary>
    public void DiscardIdle()
    {
        List<RespLink> idle;
        lock (_gate)
        {
            idle = [.. _idle];
            _idle.Clear();
        }

        foreach (RespLink link in idle)
            Discard(link);
    }

    /// <summary>Ends all.</summary>
    public async Task EndAsync()
    {
        List<Task> ending;
        List<RespLink> all;
        lock (_gate)
        {
            _closed = true;
            all = [.. _all.Keys];
            ending = [.. _ending];
        }

        foreach (RespLink link in all)
            await link.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(ending).ConfigureAwait(false);
    }

    private void Ended(Task ending)
    {
        lock (_gate)
            _ending.Remove(ending);
    }
}
