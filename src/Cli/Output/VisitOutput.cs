using System.Buffers;
using System.Text;
using System.Text.Json;
using Sluice.Cli.Sessions;
using Sluice.Hashing;

namespace Sluice.Cli.Output;

/// <summary>
/// Where completed sessions go: a file, which appears under its name only when it is whole, or a stream. What was written is read back.
/// </summary>
/// <remarks><see cref="Write"/> may be called by any thread; lines come out whole and in the order of the calls.</remarks>
internal sealed class VisitOutput : IDisposable
{
    private const int FlushAt = 64 * 1024;
    private const int RememberedGenerations = 1 << 16;

    private readonly Lock _gate = new();
    private readonly Stream _stream;
    private readonly string? _path;
    private readonly ArrayBufferWriter<byte> _pending = new(2 * FlushAt);
    private readonly Utf8JsonWriter _json = VisitJson.CreateWriter();
    private readonly WrittenVisits _written = new();
    private readonly HashSet<ulong> _recent = [];
    private readonly Queue<ulong> _recentInOrder = new();
    private readonly CancellationTokenSource _broken = new();
    private readonly Timer? _ticker;

    private VisitOutput(Stream stream, string? path, TimeSpan? flushEvery)
    {
        _stream = stream;
        _path = path;
        if (flushEvery is { } period)
            _ticker = new Timer(static state => ((VisitOutput)state!).FlushPending(), this, period, period);
    }

    /// <summary>Why writing failed, or null. Nothing more is written after a failure.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Cancelled when writing has failed: there is no point in reading on.</summary>
    public CancellationToken Broken => _broken.Token;

    /// <summary>The name that a file has until it is whole.</summary>
    public static string PartialName(string path) => path + ".partial";

    /// <summary>Writes to a file. Devices (<c>/dev/stdout</c>) are written directly.</summary>
    /// <exception cref="IOException">The file can't be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The file can't be created.</exception>
    public static VisitOutput ToFile(string path)
    {
        if (path.StartsWith("/dev/", StringComparison.Ordinal))
            return ToStream(new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), TimeSpan.FromMilliseconds(250));
        if (Directory.Exists(path))
            throw new IOException("it is a directory");
        string target = (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? path;
        return new VisitOutput(new FileStream(PartialName(target), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0), target, null);
    }

    /// <summary>Writes to a stream, at the latest after <paramref name="flushEvery"/>, and owns it.</summary>
    public static VisitOutput ToStream(Stream stream, TimeSpan? flushEvery = null) => new(stream, null, flushEvery);

    /// <summary>Writes one session, unless it was written before: a session that is handed over again has the same idempotency key.</summary>
    public void Write(CompletedVisit visit)
    {
        lock (_gate)
        {
            if (Failure is not null || !Remember(visit))
                return;
            VisitJson.Write(visit, _json, _pending);
            if (_pending.WrittenCount >= FlushAt)
                FlushPending();
        }
    }

    /// <summary>Flushes, reads back what was written, and gives the file its name.</summary>
    public async ValueTask<WrittenVisits> FinishAsync()
    {
        if (_ticker is not null)
            await _ticker.DisposeAsync().ConfigureAwait(false);
        FlushPending();
        try
        {
            if (_path is null)
            {
                await _stream.FlushAsync().ConfigureAwait(false);
            }
            else
            {
                ((FileStream)_stream).Flush(flushToDisk: true);
                await _stream.DisposeAsync().ConfigureAwait(false);
                await ReadBackAsync(PartialName(_path)).ConfigureAwait(false);
                if (Failure is null)
                    File.Move(PartialName(_path), _path, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(e);
        }

        _written.Finish();
        return _written;
    }

    public void Dispose()
    {
        _ticker?.Dispose();
        _stream.Dispose();
        _json.Dispose();
        _broken.Dispose();
    }

    private void FlushPending()
    {
        lock (_gate)
        {
            if (_pending.WrittenCount == 0 || Failure is not null)
                return;
            try
            {
                _stream.Write(_pending.WrittenSpan);
                _stream.Flush();

                // A stream can't be read back, so it is read while it is written, after the bytes have gone.
                if (_path is null)
                    _written.Read(_pending.WrittenSpan);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Fail(e);
            }

            _pending.ResetWrittenCount();
        }
    }

    private void Fail(Exception reason)
    {
        Failure ??= reason;
        _broken.Cancel();
    }

    private async ValueTask ReadBackAsync(string path)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FlushAt);
        FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        await using (file.ConfigureAwait(false))
        {
            int read;
            while ((read = await file.ReadAsync(buffer).ConfigureAwait(false)) > 0)
                _written.Read(buffer.AsSpan(0, read));
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    // A claim can be taken over while its callback runs, for instance when this process was stopped for a while; the session comes again then.
    private bool Remember(CompletedVisit visit)
    {
        Span<byte> bytes = stackalloc byte[2048];
        if (!Encoding.UTF8.TryGetBytes(visit.IdempotencyKey, bytes, out int length))
            return true;
        ulong hash = XxHash64.Hash(bytes[..length]);
        if (!_recent.Add(hash))
            return visit.Attempt <= 1;
        _recentInOrder.Enqueue(hash);
        if (_recentInOrder.Count > RememberedGenerations)
            _recent.Remove(_recentInOrder.Dequeue());
        return true;
    }
}
