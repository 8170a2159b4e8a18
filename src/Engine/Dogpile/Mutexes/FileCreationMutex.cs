using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Sluice;

/// <summary>
/// A creation mutex for processes of one machine: the holder has a file open that nobody else may open. The system closes it when the process dies, however it
/// dies, so the next creator takes over at once.
/// </summary>
/// <remarks>
/// All members are thread-safe. A file tells nobody that it is free, so who waits looks again every <c>pollInterval</c>. The token is a number in the file,
/// so the files stay (8 bytes for each key; empty the folder while nothing runs, and the region of the store with it: tokens begin anew). For a local file system; what network file systems lock, differs.
/// </remarks>
public sealed class FileCreationMutex : ICreationMutex
{
    private readonly string _folder;
    private readonly TimeSpan _pollInterval;
    private readonly TimeProvider _time;

    /// <summary>A mutex whose files are in a folder, which is made if need be.</summary>
    /// <param name="folder">The folder; the same for all processes.</param>
    /// <param name="pollInterval">How often who waits looks, 1 ms to 1 minute. Null = 20 ms.</param>
    /// <param name="time">The clock; null = the system's.</param>
    public FileCreationMutex(string folder, TimeSpan? pollInterval = null, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = Directory.CreateDirectory(folder).FullName;
        _pollInterval = pollInterval ?? TimeSpan.FromMilliseconds(20);
        if (_pollInterval < TimeSpan.FromMilliseconds(1) || _pollInterval > TimeSpan.FromMinutes(1))
            throw new ArgumentOutOfRangeException(nameof(pollInterval), pollInterval, "The interval must be 1 ms to 1 minute.");
        _time = time ?? TimeProvider.System;
    }

    /// <inheritdoc/>
    /// <exception cref="UnauthorizedAccessException">This process may not write in the folder.</exception>
    /// <exception cref="IOException">The file can't be opened, for another reason than that somebody has it.</exception>
    public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation)
    {
        // Keys are any text; names of files are not.
        string path = Path.Combine(_folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))) + ".lock");
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryOpen(path) is { } file)
                return new Held(file, NextToken(file));
            if (!waits)
                return null;
            await Task.Delay(_pollInterval, _time, cancellation).ConfigureAwait(false);
        }
    }

    private static FileStream? TryOpen(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null; // somebody has it
        }
    }

    /// <summary>Only what says that another one has the file open: a full disk or too many files don't pass by waiting.</summary>
    private static bool IsHeld(IOException e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xFFFF) is 32 or 33 // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
        : e.HResult is 11 or 35; // EWOULDBLOCK of Linux, and of macOS and the BSDs

    private static long NextToken(FileStream file)
    {
        try
        {
            Span<byte> number = stackalloc byte[sizeof(long)];
            number.Clear();
            _ = file.ReadAtLeast(number, sizeof(long), throwOnEndOfStream: false); // a new file has none: 0
            long token = BinaryPrimitives.ReadInt64LittleEndian(number) + 1;
            BinaryPrimitives.WriteInt64LittleEndian(number, token);
            file.Position = 0;
            file.Write(number);
            return token;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private sealed class Held(FileStream file, long token) : CreationLease
    {
        public override long FencingToken => token;

        public override ValueTask DisposeAsync() => file.DisposeAsync();
    }
}
