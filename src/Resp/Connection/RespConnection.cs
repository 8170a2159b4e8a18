namespace Sluice.Resp.Connection;

/// <summary>
/// One life of one socket: a ring of commands in flight, their bytes, and the loop that matches replies. It dies once and as a whole; the link makes the next one.
/// </summary>
/// <remarks>
/// <para>Positions only grow. <c>head &lt;= handed &lt;= tail</c>:</para>
/// <code>
///      head              handed              tail
///   ...  |  reply pending  |  bytes not written |  free ...
/// </code>
/// <para><c>tail</c>, <c>handed</c> and the append buffer change under <c>_gate</c>; <c>head</c> belongs to the reader. A position below <c>handed</c> may have reached the server
/// (unknown outcome when the connection dies), one at or above it cannot have (not sent).</para>
/// <para>The reader needs no lock: it reads a slot only below <c>handed</c>, which is published after the slot (release; the reader acquires). A reply that comes when
/// <c>head == handed</c> answers nothing that was sent.</para>
/// <para>Only the reader thread fails what is in the ring, after its loop ended: so nothing fails a slot whose reply is being read.</para>
/// </remarks>
internal sealed partial class RespConnection : IThreadPoolWorkItem
{
    private readonly IRespDuplex _transport;
    private readonly ConnectionTerms _terms;
    private readonly IConnectionOwner _owner;
    private readonly ReplyDispatcher _dispatcher;
    private readonly SlotPool _pool;
    private readonly RespClock _clock;

    private readonly Lock _gate = new();
    private readonly ReplySlot?[] _ring;
    private readonly int _mask;

    // The reader's line and the callers' line are apart, so that neither takes the other's away with every command.
    private Position _head;
    private Position _tail;

    private Exception? _fault;

    /// <param name="transport">Bytes in and out; the connection is its only user.</param>
    public RespConnection(IRespDuplex transport, ConnectionTerms terms, IConnectionOwner owner, ReplyDispatcher dispatcher, SlotPool pool, RespClock clock)
    {
        _transport = transport;
        _terms = terms;
        _owner = owner;
        _dispatcher = dispatcher;
        _pool = pool;
        _clock = clock;
        _ring = new ReplySlot?[terms.RingSize];
        _mask = terms.RingSize - 1;
        _continueWriting = ContinueWriting;
        _scanner = new FrameScanner(terms.Limits);
        _lastRead = _silentSince = _progressAt = _lastTick = RespClock.Now;
    }

    /// <summary>Commands whose reply has not come.</summary>
    public int InFlight
    {
        get
        {
            // The head first: between the two reads the number may only seem too large. Too small could send the clock to rest.
            long head = Volatile.Read(ref _head.Value);
            return (int)(Volatile.Read(ref _tail.Value) - head);
        }
    }

    /// <summary>Why it died; null while it lives.</summary>
    public Exception? Fault => Volatile.Read(ref _fault);

    /// <summary>
    /// Ends the connection: the reader's loop returns, and with it everything in flight fails. Any thread; the first reason stays.
    /// </summary>
    public void Fail(Exception reason)
    {
        lock (_gate)
        {
            if (_fault is not null)
                return;
            _fault = reason;
        }

        try
        {
            _transport.Shutdown();
        }
        catch (Exception)
        {
            // It must not throw. One that does must not take along whoever noticed the fault: the clock looks at other connections too.
        }
    }

    private struct Position
    {
#pragma warning disable CS0169, IDE0051 // padding
        private readonly long _p0, _p1, _p2, _p3, _p4, _p5, _p6;
#pragma warning restore CS0169, IDE0051
        public long Value;
    }
}
