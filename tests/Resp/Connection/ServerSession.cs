using System.Globalization;
using System.Text;
using Xunit;

namespace Sluice.Resp.Tests.Connection;

/// <summary>The server's side of one connection: the test says what it answers, byte for byte.</summary>
internal sealed class ServerSession(Stream input, Stream output, Action close) : IDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>The next command, as strings of one character a byte; null when the client has gone.</summary>
    public async Task<string[]?> ReadCommandAsync()
    {
        if (await ReadLineAsync() is not { } header)
            return null;
        string[] arguments = new string[int.Parse(header.AsSpan(1), CultureInfo.InvariantCulture)];
        for (int index = 0; index < arguments.Length; index++)
        {
            if (await ReadLineAsync() is not { } length)
                return null;
            int bytes = int.Parse(length.AsSpan(1), CultureInfo.InvariantCulture);
            StringBuilder argument = new(bytes);
            while (argument.Length < bytes + 2)
            {
                if (_start == _end && !await FillAsync())
                    return null;
                int take = Math.Min(bytes + 2 - argument.Length, _end - _start);
                argument.Append(Encoding.Latin1.GetString(_buffer, _start, take));
                _start += take;
            }

            arguments[index] = argument.ToString(0, bytes);
        }

        return arguments;
    }

    /// <summary>The next command must be this one.</summary>
    public async Task ExpectAsync(params string[] command) => Assert.Equal(command, await ReadCommandAsync().Soon() ?? []);

    /// <summary>Sends bytes as they are.</summary>
    public async Task SendAsync(string bytes)
    {
        await output.WriteAsync(Encoding.Latin1.GetBytes(bytes));
        await output.FlushAsync();
    }

    /// <summary>Answers every command until the client has gone; null answers nothing. Sends what was answered whenever there is nothing to read.</summary>
    public async Task ServeAsync(Func<string[], string?> answer)
    {
        StringBuilder answers = new();
        try
        {
            while (await ReadCommandAsync() is { } command)
            {
                answers.Append(answer(command));
                if (answers.Length == 0 || (_start != _end && answers.Length < 32 * 1024))
                    continue;
                await SendAsync(answers.ToString());
                answers.Clear();
            }
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The client went away in the middle, as some tests make it.
        }
    }

    public void Dispose() => close();

    private async Task<string?> ReadLineAsync()
    {
        StringBuilder line = new();
        while (true)
        {
            if (_start == _end && !await FillAsync())
                return null;
            char next = (char)_buffer[_start++];
            if (next == '\n')
                return line.ToString(0, line.Length - 1);
            line.Append(next);
        }
    }

    private async Task<bool> FillAsync()
    {
        try
        {
            _start = 0;
            _end = await input.ReadAsync(_buffer);
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException or InvalidOperationException)
        {
            _end = 0; // the client's end
        }

        return _end != 0;
    }
}
