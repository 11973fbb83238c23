# Untested: made where no container could be built.
#   docker build -t alzmodel . && docker run --rm -v "$PWD:/work" alzmodel run --preset quick --out quick-study
FROM python:3.13-slim
COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src
WORKDIR /work
ENTRYPOINT ["alzmodel"]
