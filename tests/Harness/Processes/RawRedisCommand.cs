using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Harness;

/// <summary>
/// One command on one socket, and its reply as text. Deliberately independent of the product's client: a harness that spoke through the code under
/// test would share its errors.
/// </summary>
public static class RawRedisCommand
{
    /// <summary>Connects, sends, reads one reply of lines and bulk strings, closes.</summary>
    /// <exception cref="EndOfStreamException">The server closed the connection before the reply was whole.</exception>
    public static async Task<string> SendAsync(IPEndPoint server, string[] command, CancellationToken cancellationToken)
    {
        using TcpClient client = new();
        await client.ConnectAsync(server, cancellationToken);
        NetworkStream stream = client.GetStream();
        StringBuilder request = new();
        request.Append(CultureInfo.InvariantCulture, $"*{command.Length}\r\n");
        foreach (string part in command)
            request.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(part)}\r\n{part}\r\n");
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request.ToString()), cancellationToken);

        List<string> lines = [];
        using StreamReader reader = new(stream, Encoding.Latin1);
        for (int awaited = 1; awaited > 0; awaited--)
        {
            string line = await reader.ReadLineAsync(cancellationToken)
                ?? throw new EndOfStreamException($"The server closed the connection after {lines.Count} lines of its reply to {command[0]}.");
            lines.Add(line);
            int count = line[0] is '$' or '*' ? int.Parse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : -1;
            if (line[0] == '*' && count > 0)
                awaited += count;
            if (line[0] == '$' && count >= 0)
                lines.Add(await ReadBulkAsync(reader, count, cancellationToken));
        }

        return string.Join('\n', lines);
    }

    private static async Task<string> ReadBulkAsync(StreamReader reader, int length, CancellationToken cancellationToken)
    {
        char[] bytes = new char[length + 2];
        int read = await reader.ReadBlockAsync(bytes, cancellationToken);
        return read == bytes.Length
            ? new string(bytes, 0, length)
            : throw new EndOfStreamException($"The server closed the connection after {read} of {bytes.Length} bytes.");
    }
}
